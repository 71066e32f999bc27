import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { expect } from 'chai';
import {
  goneSignal,
  openStream,
  sseEvent,
  wantsEvents,
  type StreamOptions,
} from '../../lib/server/stream.ts';
import { waitFor } from '../support/wait-for.ts';

/** More than any socket holds for a client that does not read. */
const flood = 'x'.repeat(1 << 25);

describe('a response that is written piece by piece', () => {
  let server: Server;
  let respond: (response: ServerResponse) => void;
  beforeEach(async () => {
    server = createServer((_, response) => respond(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  /** The other side of a stream, as soon as there is one. */
  const responding = () =>
    new Promise<ServerResponse>((resolve) => {
      respond = resolve;
    });
  const open = (response: ServerResponse, more: Partial<StreamOptions> = {}) =>
    openStream(response, { contentType: 'text/plain', stallTimeoutMs: 5000, ...more });
  /** A client that asks and reads nothing. */
  function silentClient(): Socket {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause().write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    return socket;
  }

  it('shows its head before the first piece, and ends', async () => {
    const response = responding();
    const answer = fetch(url());
    const stream = open(await response);
    const { status, headers, body } = await answer;
    expect([status, headers.get('content-type'), headers.get('x-accel-buffering')]).to.deep.equal([
      200,
      'text/plain',
      'no',
    ]);
    stream.write('a');
    const ended = stream.end('b');
    expect(await new Response(body).text()).to.equal('ab');
    await ended;
    expect(stream.signal.aborted).to.equal(false);
    stream.write('too late');
  });

  it('sends heartbeats in a silence', async () => {
    const response = responding();
    const answer = fetch(url());
    const stream = open(await response, { heartbeat: { text: '♥', everyMs: 10 } });
    let seen = '';
    for await (const bytes of (await answer).body!) {
      seen += Buffer.from(bytes as Uint8Array).toString();
      if (seen.includes('♥♥♥')) break;
    }
    await once(await response, 'close');
    await stream.end();
    expect(seen).to.match(/^♥{3,}$/);
  });

  it('aborts when the client disconnects, before or in the middle', async () => {
    const response = responding();
    const client = silentClient();
    const taken = await response;
    const stream = open(taken);
    const gone = goneSignal(taken);
    client.destroy();
    await once(taken, 'close');
    expect([stream.signal.aborted, gone.aborted]).to.deep.equal([true, true]);
    expect(stream.signal.reason).to.have.property('code', 'stopped');
    stream.write('nobody reads it');
    await stream.end('nor this');
    expect(open(taken).signal.aborted).to.equal(true);
    expect(goneSignal(taken).aborted).to.equal(true);
  });

  it('waits for a slow client', async () => {
    const response = responding();
    const client = silentClient();
    const taken = await response;
    const stream = open(taken);
    expect(stream.drained()).to.equal(undefined);
    stream.write(flood);
    let drained = false;
    const waiting = stream.drained()!.then(() => (drained = true));
    stream.write('more');
    await waitFor(() => taken.writableLength > 0);
    expect(drained).to.equal(false);
    client.resume();
    await waiting;
    expect(stream.drained()).to.equal(undefined);
    client.destroy();
    await stream.end();
  });

  it('cuts off a client that takes nothing', async () => {
    const response = responding();
    const client = silentClient();
    const stream = open(await response, { stallTimeoutMs: 30 });
    stream.write(flood);
    await stream.drained();
    expect(stream.signal.aborted).to.equal(true);
    client.destroy();
  });

  it('cuts off a client that does not take the end', async () => {
    const response = responding();
    const client = silentClient();
    const stream = open(await response, { stallTimeoutMs: 30 });
    (await response).write(flood);
    await stream.end('the end');
    expect(client.bytesRead).to.be.below(flood.length); // cut off, not waited for
    client.destroy();
  });

  for (const [accept, prefers] of [
    [undefined, false],
    ['*/*', false],
    ['text/event-stream', true],
    ['Text/Event-Stream', true],
    ['application/json, text/plain, */*', false],
    ['application/json, text/event-stream', false],
    ['text/event-stream, application/json', true],
    ['text/event-stream;q=0, application/json', false],
    ['application/json;q=0.5, text/event-stream', true],
    ['text/html', false],
  ] as const)
    it(`${prefers ? 'has' : 'has no'} events for a client that accepts ${accept ?? 'any type'}`, () => {
      const headers = accept === undefined ? {} : { accept };
      expect(wantsEvents({ headers } as IncomingMessage)).to.equal(prefers);
    });

  it('has events with a data line each', () => {
    expect(sseEvent('{"a":1}')).to.equal('data: {"a":1}\n\n');
    expect(sseEvent('one\ntwo\r\nthree', 'open')).to.equal(
      'event: open\ndata: one\ndata: two\ndata: three\n\n',
    );
  });
});
