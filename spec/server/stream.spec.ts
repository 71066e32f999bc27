import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import {
  goneSignal,
  openEventStream,
  sseEvent,
  wantsEvents,
  type TextStream,
} from '../../lib/server/stream.ts';
import { waitFor } from '../support/wait-for.ts';

describe('a stream', () => {
  let server: Server | undefined;
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
    server = undefined;
  });

  const moreThanBuffersHold = 'x'.repeat(30_000_000);
  const limits = { heartbeatIntervalMs: 10_000, socketStallTimeoutMs: 10_000 };

  async function listen(answer: (response: ServerResponse) => void): Promise<number> {
    const listening = createServer((_request, response) => answer(response));
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    return (listening.address() as AddressInfo).port;
  }

  /** Both sides of a stream of events. */
  async function open(
    more: Partial<typeof limits> = {},
  ): Promise<{ stream: TextStream; answer: IncomingMessage }> {
    let stream: TextStream | undefined;
    const port = await listen((response) => (stream = openEventStream(response, { ...limits, ...more })));
    const answer = await new Promise<IncomingMessage>((resolve) => get({ port, host: '127.0.0.1' }, resolve));
    return { stream: stream!, answer };
  }

  it('has its head at once, then what is written, and nothing after its end', async () => {
    const { stream, answer } = await open();
    expect(answer.statusCode).to.equal(200);
    expect(answer.headers).to.include({
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
    });
    stream.write(sseEvent('{"text":"ü"}', 'piece'));
    const ended = stream.end(sseEvent('one\ntwo'));
    stream.write('too late');
    let text = '';
    for await (const piece of answer.setEncoding('utf8')) text += piece as string;
    expect(text).to.equal('event: piece\ndata: {"text":"ü"}\n\ndata: one\ndata: two\n\n');
    await ended;
    expect(stream.signal.aborted).to.equal(false);
  });

  it('keeps the way open while nothing is said', async () => {
    const { stream, answer } = await open({ heartbeatIntervalMs: 5 });
    let text = '';
    answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    await waitFor(() => text.startsWith(':\n\n:\n\n'));
    await stream.end();
  });

  it('tells that the client has gone, and ends for it', async () => {
    const { stream, answer } = await open();
    answer.destroy();
    await waitFor(() => stream.signal.aborted);
    stream.write('to nobody');
    await stream.end();
  });

  it('lets its writer wait for a slow reader', async () => {
    const { stream, answer } = await open();
    answer.pause();
    stream.write(moreThanBuffersHold);
    let drained = false;
    const waited = stream.drained()!.then(() => (drained = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(drained).to.equal(false);
    answer.resume();
    await waited;
    expect(stream.drained()).to.equal(undefined);
    await stream.end();
  });

  it('gives up a reader that takes nothing', async () => {
    const { stream, answer } = await open({ socketStallTimeoutMs: 20 });
    answer.on('error', () => undefined).pause();
    stream.write(moreThanBuffersHold);
    await stream.drained();
    expect(stream.signal.aborted).to.equal(true);
    answer.destroy();
  });

  it('has nobody to write to when the client went before it was opened', async () => {
    const gone: boolean[] = [];
    const port = await listen((response) => {
      response.once('close', () => {
        gone.push(openEventStream(response, limits).signal.aborted, goneSignal(response).aborted);
      });
      response.destroy();
    });
    get({ port, host: '127.0.0.1' }).on('error', () => undefined);
    await waitFor(() => gone.length > 0);
    expect(gone).to.deep.equal([true, true]);
  });
});

describe('wantsEvents', () => {
  it('reads the Accept header', () => {
    const wanted = [
      'text/event-stream',
      'application/json, text/event-stream',
      'Text/Event-Stream;q=0.9,*/*',
    ];
    const others = [undefined, '', '*/*', 'application/json', 'text/event-streams', 'x-text/event-stream'];
    expect(wanted.map(wantsEvents)).to.deep.equal([true, true, true]);
    expect(others.map(wantsEvents)).to.deep.equal(others.map(() => false));
  });
});
