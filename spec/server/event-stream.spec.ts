import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { openEventStream, wantsEvents, type EventStream } from '../../lib/server/event-stream.ts';
import { waitFor } from '../support/wait-for.ts';

describe('an event stream', () => {
  let server: Server | undefined;
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
  });

  /** A client's side of a stream that `use` writes. */
  async function open(
    use: (stream: EventStream, response: ServerResponse) => void,
    options = { heartbeatMs: 10_000, bufferMaxBytes: 1_000_000 },
  ): Promise<IncomingMessage> {
    const listening = createServer((_request, response) => use(openEventStream(response, options), response));
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const { port } = listening.address() as AddressInfo;
    return new Promise((resolve) => get({ port, host: '127.0.0.1' }, resolve));
  }

  async function textOf(answer: IncomingMessage): Promise<string> {
    let text = '';
    for await (const piece of answer.setEncoding('utf8')) text += piece as string;
    return text;
  }

  it('has its head at once, then each event as JSON in one line', async () => {
    let stream: EventStream | undefined;
    const answer = await open((opened) => (stream = opened));
    expect(answer.statusCode).to.equal(200);
    expect(answer.headers).to.include({
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
    });
    stream!.send({ text: 'one\ntwo', ü: 1 }, 'piece');
    stream!.send([]);
    stream!.end();
    stream!.send('too late');
    expect(await textOf(answer)).to.equal('event: piece\ndata: {"text":"one\\ntwo","ü":1}\n\ndata: []\n\n');
    expect(stream!.gone.aborted).to.equal(false);
  });

  it('keeps the way open while nothing is said', async () => {
    let stream: EventStream | undefined;
    const answer = await open((opened) => (stream = opened), { heartbeatMs: 5, bufferMaxBytes: 1_000_000 });
    let text = '';
    answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    await waitFor(() => text.startsWith(':\n\n:\n\n'));
    stream!.end();
    await new Promise((resolve) => answer.once('end', resolve));
  });

  it('tells that the client has gone', async () => {
    let stream: EventStream | undefined;
    const answer = await open((opened) => (stream = opened));
    answer.destroy();
    await waitFor(() => stream!.gone.aborted);
    stream!.send('to nobody');
    stream!.end();
  });

  it('gives up a client that reads nothing', async () => {
    let stream: EventStream | undefined;
    const answer = await open((opened) => (stream = opened), {
      heartbeatMs: 10_000,
      bufferMaxBytes: 100_000,
    });
    answer.on('error', () => undefined).pause();
    const much = 'x'.repeat(100_000);
    for (let count = 0; count < 1000 && !stream!.gone.aborted; count += 1) {
      stream!.send(much);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(stream!.gone.aborted).to.equal(true);
    answer.destroy();
  });

  it('is closed already when the client went before it was opened', async () => {
    let aborted: boolean | undefined;
    const listening = createServer((_request, response) => {
      response.once('close', () => {
        aborted = openEventStream(response, { heartbeatMs: 10_000, bufferMaxBytes: 1 }).gone.aborted;
      });
      response.destroy();
    });
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const { port } = listening.address() as AddressInfo;
    get({ port, host: '127.0.0.1' }).on('error', () => undefined);
    await waitFor(() => aborted !== undefined);
    expect(aborted).to.equal(true);
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
