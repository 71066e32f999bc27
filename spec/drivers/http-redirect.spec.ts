import { expect } from 'chai';
import { openEgress, type Egress } from '../../lib/drivers/egress.ts';
import { createHttpDriver, type HttpDriver, type HttpRequest } from '../../lib/drivers/http.ts';
import { createJsonrpcDriver } from '../../lib/drivers/jsonrpc.ts';
import { openHttpDevice, type HttpDevice } from '../support/http-device.ts';

describe('http driver: a redirect', () => {
  let egress: Egress;
  let http: HttpDriver;
  let device: HttpDevice;
  let other: HttpDevice;

  beforeEach(async () => {
    egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
    http = createHttpDriver({ egress, resultMaxBytes: 1024 });
    [device, other] = await Promise.all([openHttpDevice(), openHttpDevice()]);
  });

  afterEach(async () => {
    await egress.close();
    await Promise.all([device.close(), other.close()]);
  });

  const send = (more: Partial<HttpRequest> = {}) => {
    const effect = ['GET', 'HEAD'].includes(more.method ?? 'GET') ? 'read' : 'write';
    const request: HttpRequest = {
      method: 'GET',
      origin: device.url,
      path: '/a',
      headers: {},
      effect,
      ...more,
    };
    return http.send(request, { signal: new AbortController().signal, timeoutMs: 5000 });
  };
  /** Redirects each path of the table, and answers `{"at": <path>}` on every other one. */
  const redirect = (table: Record<string, string | undefined>, status = 302) => {
    device.answer = (response, { url }) => {
      const location = table[url];
      if (Object.hasOwn(table, url))
        response.writeHead(status, location === undefined ? {} : { location }).end();
      else response.end(JSON.stringify({ at: url }));
    };
  };
  const paths = () => device.seen.map(({ method, url }) => `${method} ${url}`);

  for (const [status, method, effect] of [
    [307, 'POST', 'none'],
    [308, 'PUT', 'none'],
    [301, 'POST', 'unknown'],
    [302, 'DELETE', 'unknown'],
    [303, 'PATCH', 'unknown'],
    [300, 'POST', 'unknown'],
    [305, 'POST', 'unknown'],
  ] as const) {
    it(`${status} after ${method} is an error with effect ${effect} that names the target`, async () => {
      redirect({ '/a': '/pump/' }, status);
      const result = await send({ method, body: '{}' });
      expect(result).to.deep.include({ statusCode: status, body: '', location: '/pump/' });
      expect(result['error']).to.deep.include({ code: 'redirected', effect });
      expect((result['error'] as { message: string }).message).to.contain('redirects to /pump/');
      expect(device.seen).to.have.length(1);
    });
  }

  it('without a target is an error, too', async () => {
    redirect({ '/a': undefined }, 307);
    const result = await send({ method: 'POST' });
    expect(result).to.not.have.property('location');
    expect(result['error']).to.deep.include({ code: 'redirected', effect: 'none' });
  });

  for (const status of [301, 302, 303, 307, 308]) {
    it(`${status} of a GET or HEAD on the same origin is followed`, async () => {
      redirect({ '/a': `${device.url}/b?c=1#part`, '/b?c=1': 'd/' }, status);
      expect(await send({ headers: { authorization: 'Bearer k' } })).to.deep.equal({
        statusCode: 200,
        body: '{"at":"/d/"}',
      });
      expect(await send({ method: 'HEAD' })).to.deep.equal({ statusCode: 200, body: '' });
      expect(paths()).to.deep.equal([
        'GET /a',
        'GET /b?c=1',
        'GET /d/',
        'HEAD /a',
        'HEAD /b?c=1',
        'HEAD /d/',
      ]);
      expect(device.seen.slice(0, 3).map(({ headers }) => headers.authorization)).to.deep.equal([
        'Bearer k',
        'Bearer k',
        'Bearer k',
      ]);
    });
  }

  it('is followed three times at most', async () => {
    redirect({ '/a': '/a' });
    const result = await send();
    expect(device.seen).to.have.length(4);
    expect(result['error']).to.deep.include({ code: 'redirected', effect: 'none' });
  });

  it('to another origin is not followed', async () => {
    const { port } = new URL(device.url);
    for (const target of [
      `${other.url}/b`,
      `//${new URL(other.url).host}/b`,
      `http://localhost:${port}/b`,
      `https://127.0.0.1:${port}/b`,
      `http://user:pass@127.0.0.1:${port}/b`,
      'file:///etc/passwd',
      'http://',
    ]) {
      redirect({ '/a': target });
      const { error } = await send();
      expect(error, target).to.deep.include({ code: 'redirected', effect: 'none' });
    }
    expect([paths().filter((one) => one !== 'GET /a'), other.seen]).to.deep.equal([[], []]);
  });

  it('of a GET that changes something is not followed', async () => {
    redirect({ '/a': '/b' });
    expect((await send({ effect: 'write' }))['error']).to.deep.include({
      code: 'redirected',
      effect: 'unknown',
    });
    expect(paths()).to.deep.equal(['GET /a']);
  });

  it('of a POST that only reads is not followed', async () => {
    redirect({ '/a': '/b' });
    expect((await send({ method: 'POST', effect: 'read' }))['error']).to.deep.include({
      code: 'redirected',
      effect: 'none',
    });
    expect(paths()).to.deep.equal(['POST /a']);
  });

  it('304 is an answer, and no redirect', async () => {
    redirect({ '/a': '/b' }, 304);
    expect(await send()).to.deep.equal({ statusCode: 304, body: '' });
  });

  it('passes the door at every step', async () => {
    let checked = 0;
    const dispatcher = new Proxy(egress.dispatcher, {
      get(target, key) {
        if (key !== 'dispatch') return Reflect.get(target, key) as unknown;
        checked++;
        return target.dispatch.bind(target);
      },
    });
    http = createHttpDriver({ egress: { ...egress, dispatcher }, resultMaxBytes: 1024 });
    redirect({ '/a': '/b', '/b': '/c' });
    await send();
    expect(checked).to.equal(3);
  });

  it('does not outlast the time of the call', async () => {
    let answered = 0;
    device.answer = (response) => {
      answered++;
      if (answered === 1) response.writeHead(302, { location: '/b' }).end();
      // The second request gets no answer.
    };
    const request: HttpRequest = {
      method: 'GET',
      origin: device.url,
      path: '/a',
      headers: {},
      effect: 'read',
    };
    const result = await http.send(request, { signal: new AbortController().signal, timeoutMs: 200 });
    expect(result['error']).to.deep.include({ code: 'ETIMEDOUT', effect: 'none' });
  });

  it('of a JSON-RPC call is never followed', async () => {
    const jsonrpc = createJsonrpcDriver({ http, resultMaxBytes: 1024 });
    for (const [status, effect] of [
      [307, 'none'],
      [302, 'unknown'],
    ] as const) {
      redirect({ '/a': '/b' }, status);
      for (const notification of [false, true]) {
        const call = { url: `${device.url}/a`, method: 'pump', effect: 'write' as const, notification };
        const { error } = await jsonrpc.call(call, { signal: new AbortController().signal, timeoutMs: 5000 });
        expect(error).to.deep.include({ code: 'redirected', effect });
      }
    }
    expect(paths().filter((one) => one !== 'POST /a')).to.deep.equal([]);
  });
});
