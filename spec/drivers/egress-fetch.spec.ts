import { expect } from 'chai';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { OpenAI, RateLimitError } from 'openai';
import { AppError } from '../../lib/errors.ts';
import { openEgress, type Egress } from '../../lib/drivers/egress.ts';
import { egressFetch } from '../../lib/drivers/egress-fetch.ts';
import { rejection } from '../support/refusal.ts';

describe('egress fetch', () => {
  let egress: Egress;
  let server: Server;
  let url: string;
  let serve: (request: IncomingMessage, response: ServerResponse) => unknown;

  beforeEach(async () => {
    egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
    server = createServer((request, response) => void serve(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    await egress.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('sends method, headers and body, and gives status, headers and JSON', async () => {
    const seen: unknown[] = [];
    serve = async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      seen.push([request.method, request.url, request.headers['x-a'], Buffer.concat(chunks).toString()]);
      response.writeHead(201, { 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'] });
      response.end('{"ok":true}');
    };
    const response = await egressFetch(egress)(`${url}/x?y=1`, {
      method: 'POST',
      headers: new Headers({ 'X-A': 'b' }),
      body: 'hi',
    });
    expect(seen).to.deep.equal([['POST', '/x?y=1', 'b', 'hi']]);
    expect([
      response.status,
      response.ok,
      response.statusText,
      response.url,
      response.redirected,
    ]).to.deep.equal([201, true, 'Created', `${url}/x?y=1`, false]);
    expect(response.headers.get('content-type')).to.equal('application/json');
    expect(response.headers.getSetCookie()).to.deep.equal(['a=1', 'b=2']);
    expect(response.bodyUsed).to.equal(false);
    expect(await response.json()).to.deep.equal({ ok: true });
    expect(response.bodyUsed).to.equal(true);
    expect(await rejection(response.text())).to.be.instanceOf(TypeError);
  });

  it('streams the body piece by piece', async () => {
    let more: () => void = () => {};
    serve = (_, response) => {
      response.write('one');
      more = () => response.end('two');
    };
    const response = await egressFetch(egress)(url);
    const pieces: string[] = [];
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      pieces.push(Buffer.from(piece).toString());
      more();
    }
    expect(pieces).to.deep.equal(['one', 'two']);
  });

  it('gives a large body whole to a slow reader', async () => {
    const big = Buffer.alloc(5_000_000, 'x');
    serve = (_, response) => response.end(big);
    const response = await egressFetch(egress)(url);
    let bytes = 0;
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      bytes += piece.byteLength;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(bytes).to.equal(big.byteLength);
    expect((await (await egressFetch(egress)(url)).arrayBuffer()).byteLength).to.equal(big.byteLength);
    expect((await (await egressFetch(egress)(url)).blob()).size).to.equal(big.byteLength);
  });

  it('does not follow a redirect', async () => {
    serve = (_, response) => response.writeHead(302, { location: 'http://example.com/' }).end();
    const response = await egressFetch(egress)(url);
    expect([response.status, response.ok, await response.text()]).to.deep.equal([302, false, '']);
  });

  it('has no body for 204 and HEAD', async () => {
    serve = (_, response) => response.writeHead(204).end();
    expect((await egressFetch(egress)(url)).body).to.equal(null);
    serve = (_, response) => response.end();
    expect((await egressFetch(egress)(url, { method: 'HEAD' })).body).to.equal(null);
  });

  it('rejects with the reason when aborted: before, while waiting, and in the middle of the body', async () => {
    serve = () => {};
    expect(
      await rejection(egressFetch(egress)(url, { signal: AbortSignal.abort(new Error('early')) })),
    ).to.have.property('message', 'early');
    const waiting = new AbortController();
    const arrived = once(server, 'request');
    const work = rejection(egressFetch(egress)(url, { signal: waiting.signal }));
    await arrived;
    waiting.abort();
    expect(await work).to.have.property('name', 'AbortError');

    serve = (_, response) => response.write('one');
    const middle = new AbortController();
    const response = await egressFetch(egress)(url, { signal: middle.signal });
    const text = rejection(response.text());
    middle.abort();
    expect(await text).to.have.property('name', 'AbortError');
  });

  it('closes the connection when the reader stops', async () => {
    const closed = new Promise((resolve) => {
      serve = (request, response) => {
        request.socket.once('close', () => resolve(request.socket.destroyed));
        response.write('one');
      };
    });
    const response = await egressFetch(egress)(url);
    await response.body?.cancel();
    expect(await closed).to.equal(true);
  });

  it('rejects when the connection breaks in the middle of the body', async () => {
    serve = (request, response) => {
      response.writeHead(200, { 'content-length': 10 });
      response.write('one', () => request.socket.destroy());
    };
    const response = await egressFetch(egress)(url);
    expect(await rejection(response.text())).to.be.instanceOf(Error);
  });

  it('refuses other schemes, users in URLs, and addresses that the egress lists refuse', async () => {
    const fetch = egressFetch(egress);
    expect(await rejection(fetch('file:///etc/passwd'))).to.have.property('code', 'forbidden');
    expect(await rejection(fetch(url.replace('//', '//me:secret@')))).to.have.property('code', 'forbidden');
    expect(await rejection(fetch('http://169.254.169.254/')))
      .to.be.instanceOf(AppError)
      .with.property('code', 'forbidden');
    expect(
      await rejection(fetch(url, { method: 'POST', body: new URLSearchParams('a=b') })),
    ).to.have.property('code', 'invalid_request');
  });

  it('serves the openai client: JSON, streams and errors', async () => {
    const client = new OpenAI({ baseURL: url, apiKey: 'k', fetch: egressFetch(egress), maxRetries: 0 });
    const ask = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] };
    serve = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ choices: [{ message: { content: 'hello' } }] }));
    };
    expect((await client.chat.completions.create(ask)).choices[0]?.message.content).to.equal('hello');

    serve = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const content of ['a', 'b'])
        response.write(`data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`);
      response.end('data: [DONE]\n\n');
    };
    const parts: unknown[] = [];
    for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) {
      parts.push(chunk.choices[0]?.delta.content);
    }
    expect(parts).to.deep.equal(['a', 'b']);

    serve = (_, response) => {
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '3' });
      response.end('{"error":{"message":"slow down"}}');
    };
    const error = await rejection(client.chat.completions.create(ask));
    expect(error).to.be.instanceOf(RateLimitError);
    expect((error as RateLimitError).headers?.get('retry-after')).to.equal('3');

    const denied = new OpenAI({
      baseURL: 'http://169.254.169.254',
      apiKey: 'k',
      fetch: egressFetch(egress),
      maxRetries: 0,
    });
    expect(await rejection(denied.chat.completions.create(ask)))
      .to.have.property('cause')
      .that.is.instanceOf(AppError);
  });
});
