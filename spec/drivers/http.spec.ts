import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { openEgress, type Egress } from '../../lib/drivers/egress.ts';
import { createHttpDriver, type HttpDriver, type HttpRequest } from '../../lib/drivers/http.ts';
import { openHttpDevice, type HttpDevice } from '../support/http-device.ts';

describe('http driver', () => {
  let egress: Egress;
  let http: HttpDriver;
  let device: HttpDevice;

  beforeEach(async () => {
    egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
    http = createHttpDriver({ egress, resultMaxBytes: 1024 });
    device = await openHttpDevice();
  });

  afterEach(async () => {
    await egress.close();
    await device.close();
  });

  const request = (more: Partial<HttpRequest> = {}): HttpRequest => ({
    method: 'GET',
    origin: device.url,
    path: '/',
    headers: {},
    effect: more.method === undefined ? 'read' : 'write',
    ...more,
  });
  const send = (more: Partial<HttpRequest> = {}, signal = new AbortController().signal, timeoutMs = 5000) =>
    http.send(request(more), { signal, timeoutMs });
  const serve = (status: number, headers: Record<string, string>, body: string | Buffer) => {
    device.answer = (response) => response.writeHead(status, headers).end(body);
  };

  it('sends the request as it is and gives status and body', async () => {
    serve(201, { 'content-type': 'application/json; charset=utf-8' }, '{"on":true}');
    const result = await send({ method: 'PUT', path: '/a%2Fb?c=%20', headers: { 'X-A': 'é' }, body: 'now' });
    expect(result).to.deep.equal({ statusCode: 201, body: '{"on":true}' });
    const [seen] = device.seen;
    expect([seen?.method, seen?.url, seen?.headers['x-a'], seen?.body.toString()]).to.deep.equal([
      'PUT',
      '/a%2Fb?c=%20',
      'é',
      'now',
    ]);
  });

  it('gives the content type unless it is JSON', async () => {
    serve(200, { 'content-type': 'text/plain' }, 'ok');
    expect(await send()).to.deep.equal({ statusCode: 200, body: 'ok', contentType: 'text/plain' });
    serve(200, { 'content-type': 'application/problem+json' }, '{}');
    expect(await send()).to.deep.equal({ statusCode: 200, body: '{}' });
    device.answer = (response) => response.writeHead(204).end();
    expect(await send()).to.deep.equal({ statusCode: 204, body: '' });
  });

  for (const [status, method, effect] of [
    [404, 'PUT', 'none'],
    [500, 'GET', 'none'],
    [500, 'PUT', 'unknown'],
  ] as const) {
    it(`reports HTTP ${status} of ${method} with its body as an error, effect ${effect}`, async () => {
      serve(status, { 'content-type': 'application/json' }, '{"why":"x"}');
      const result = await send(method === 'GET' ? {} : { method });
      expect(result).to.deep.equal({
        statusCode: status,
        body: '{"why":"x"}',
        error: {
          code: `HTTP_${status}`,
          message: `The device answered HTTP ${status} ${status === 404 ? 'Not Found' : 'Internal Server Error'}`,
          effect,
        },
      });
    });
  }

  describe('bodies', () => {
    it('are cut to the limit, with a marker that gives the full size', async () => {
      serve(200, { 'content-type': 'text/plain' }, '温'.repeat(2000));
      const { body } = await send();
      expect(body).to.match(/^温+\n\[cut: the whole body has 6000 bytes\]$/);
      expect(Buffer.byteLength(body as string)).to.be.within(1000, 1024);
    });

    it('that fit exactly are not cut', async () => {
      serve(200, { 'content-type': 'text/plain' }, 'x'.repeat(1024));
      expect((await send())['body']).to.equal('x'.repeat(1024));
    });

    it('of unknown endless length are broken off, and the marker says so', async () => {
      const piece = Buffer.alloc(1 << 20, 'x');
      device.answer = (response) => {
        const more = () => {
          while (response.write(piece));
          response.once('drain', more);
        };
        more();
      };
      expect((await send())['body']).to.match(/\[cut: the whole body has at least \d{8} bytes\]$/);
    });

    it('that announce a huge length are broken off at once', async () => {
      device.answer = (response) => {
        response.writeHead(200, { 'content-length': String(10 ** 11) });
        response.write(Buffer.alloc(4096, 'x'));
        response.write(Buffer.alloc(4096, 'x'));
      };
      expect((await send())['body']).to.match(/\[cut: the whole body has 100000000000 bytes\]$/);
    });

    for (const [what, contentType, bytes, expected] of [
      ['an image', 'image/png', Buffer.from('GIF89a'), '[binary: 6 bytes, image/png]'],
      ['bytes of no type', '', Buffer.from([0, 1, 2]), '[binary: 3 bytes]'],
      ['text of no type', '', Buffer.from('OK 温'), 'OK 温'],
      ['text called octets', 'application/octet-stream', Buffer.from('OK'), 'OK'],
      ['Chinese text in its own charset', 'text/plain; charset=gb18030', Buffer.from([0xce, 0xc2]), '温'],
      ['text in an unknown charset', 'text/plain; charset=klingon', Buffer.from([0xe9]), 'é'],
      ['text that is not the UTF-8 it should be', 'text/plain', Buffer.from([0x63, 0xe9]), 'cé'],
    ] as const) {
      it(`give ${what} ${expected.startsWith('[') ? 'as a description' : 'as text'}`, async () => {
        serve(200, contentType === '' ? {} : { 'content-type': contentType }, bytes);
        expect((await send())['body']).to.equal(expected);
      });
    }

    it('that come packed are unpacked', async () => {
      serve(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }, gzipSync('{"a":1}'));
      expect(await send()).to.deep.equal({ statusCode: 200, body: '{"a":1}' });
      serve(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' }, 'plain');
      expect((await send())['body']).to.equal('plain');
    });
  });

  describe('failures', () => {
    it('of the connection are results without effect', async () => {
      await device.close();
      const result = await send({ method: 'POST' });
      expect(result).to.have.nested.property('error.code', 'ECONNREFUSED');
      expect(result).to.have.nested.property('error.effect', 'none');
      device = await openHttpDevice();
    });

    it('by the door are EGRESS_DENIED without effect', async () => {
      const result = await send({ origin: 'http://169.254.169.254', method: 'POST' });
      expect(result).to.have.nested.property('error.code', 'EGRESS_DENIED');
      expect(result).to.have.nested.property('error.effect', 'none');
    });

    it('of a request that cannot be written are invalid_request', async () => {
      const result = await send({ headers: { 'X-A': 'a\r\nb' } });
      expect(result).to.have.nested.property('error.code', 'invalid_request');
      expect(device.seen).to.deep.equal([]);
    });

    it('by time-out leave a write unknown and a read without effect', async () => {
      device.answer = () => {};
      expect((await send({ method: 'POST' }, undefined, 300))['error']).to.deep.equal({
        code: 'ETIMEDOUT',
        message: `${device.url} did not finish its answer within 300 ms`,
        effect: 'unknown',
      });
      expect(await send({}, undefined, 300)).to.have.nested.property('error.effect', 'none');
      expect(device.seen.map(({ method }) => method)).to.deep.equal(['POST', 'GET']);
    });

    it('in the middle of an answer keep the part that came', async () => {
      device.answer = (response, { socket }) => {
        response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 100 });
        response.write('half', () => socket.destroy());
      };
      const result = await send({ method: 'POST' });
      expect(result).to.include({ statusCode: 200 });
      expect(result['body']).to.match(/^half\n\[cut/);
      expect(result).to.have.nested.property('error.effect', 'unknown');
    });

    it('on a broken connection repeat a read once, and never a write', async () => {
      device.answer = (_, { socket }) => socket.destroy();
      expect(await send({ method: 'POST' })).to.have.nested.property('error.code', 'ECONNRESET');
      expect(device.seen).to.have.length(1);
      expect(await send({ method: 'DELETE' })).to.have.nested.property('error.effect', 'unknown');
      expect(device.seen).to.have.length(2);
      expect(await send()).to.have.nested.property('error.code', 'ECONNRESET');
      expect(device.seen).to.have.length(4);
      device.answer = (response, { socket }) => {
        if (device.seen.length === 5) socket.destroy();
        else response.end('second');
      };
      expect(await send()).to.deep.equal({ statusCode: 200, body: 'second' });
    });

    it('never send a request twice, even where the library below would', async () => {
      let aborts = 0;
      const controller = { abort: () => (aborts += 1) } as unknown as Dispatcher.DispatchController;
      const dispatcher = {
        dispatch(_: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) {
          handler.onRequestStart?.(controller, {});
          handler.onRequestStart?.(controller, {});
          return true;
        },
      } as unknown as Dispatcher;
      const odd = createHttpDriver({ egress: { ...egress, dispatcher }, resultMaxBytes: 1024 });
      const result = await odd.send(request({ method: 'POST' }), {
        signal: new AbortController().signal,
        timeoutMs: 5000,
      });
      expect(result['error']).to.deep.equal({
        code: 'ECONNRESET',
        message: `${device.url}: the connection broke`,
        effect: 'unknown',
      });
      expect(aborts).to.equal(1);
    });

    it('of the library itself end the request at once', async () => {
      const dispatcher = {
        dispatch() {
          throw new TypeError('no such option');
        },
      } as unknown as Dispatcher;
      const odd = createHttpDriver({ egress: { ...egress, dispatcher }, resultMaxBytes: 1024 });
      const result = await odd.send(request(), { signal: new AbortController().signal, timeoutMs: 60_000 });
      const message = `${device.url}: no such option`;
      expect(result['error']).to.deep.equal({ code: 'EPROTO', message, effect: 'none' });
    });

    it('of an answer that is no HTTP are EPROTO', async () => {
      const odd = createServer((socket) => socket.once('data', () => socket.end('SSH-2.0-x\r\n\r\n')));
      odd.listen(0, '127.0.0.1');
      await once(odd, 'listening');
      const result = await send({
        method: 'POST',
        origin: `http://127.0.0.1:${(odd.address() as AddressInfo).port}`,
      });
      expect(result).to.have.nested.property('error.code', 'EPROTO');
      expect(result).to.have.nested.property('error.effect', 'unknown');
      await new Promise((resolve) => odd.close(resolve));
    });
  });

  describe('abort', () => {
    it('before sending gives cancelled, and nothing leaves', async () => {
      const result = await send({ method: 'POST' }, AbortSignal.abort());
      expect(result['error']).to.deep.equal({
        code: 'cancelled',
        message: 'Stopped before it was sent',
        effect: 'none',
      });
      expect(device.seen).to.deep.equal([]);
    });

    it('while connecting gives cancelled, and nothing leaves', async () => {
      const stop = new AbortController();
      const work = send({ method: 'POST' }, stop.signal);
      stop.abort();
      expect(await work).to.have.nested.property('error.code', 'cancelled');
      expect(await send()).to.include({ statusCode: 200 });
      expect(device.seen.map(({ method }) => method)).to.deep.equal(['GET']);
    });

    it('after sending lets the call finish', async () => {
      const stop = new AbortController();
      device.answer = (response) => {
        stop.abort();
        response.end('done');
      };
      expect(await send({ method: 'POST' }, stop.signal)).to.deep.equal({ statusCode: 200, body: 'done' });
    });
  });
});
