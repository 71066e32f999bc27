import { setImmediate as endOfTurn } from 'node:timers/promises';
import { createConnection } from 'node:net';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect } from 'chai';
import { RequestTurns } from '../../lib/server/request-turns.ts';
import { openTestServer, type TestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

describe('the turns of requests', () => {
  let begun: string[] = [];
  let turns: RequestTurns;
  beforeEach(() => {
    begun = [];
    turns = new RequestTurns({
      stops: ({ url }) => url!.startsWith('stop'),
      begin: (request) => void begun.push(request.url!),
      refuse: (_response, { message }) => void begun.push(message),
    });
  });

  /** A connection of which each response has its turn when the one before it is over, as Node does it. */
  class FakeConnection extends EventEmitter {
    readonly responses: FakeResponse[] = [];
    destroyed = false;
    pause = () => this;

    arrive(name: string, count: number): void {
      for (let at = 1; at <= count; at += 1) {
        const response = new FakeResponse();
        if (this.responses.push(response) === 1) response.socket = this;
        const method = name.startsWith('change') || name.startsWith('stop') ? 'POST' : 'GET';
        const request = { socket: this, method, url: `${name}${at}` };
        turns.take(request as unknown as IncomingMessage, response as unknown as ServerResponse);
      }
    }

    answer(): void {
      this.responses.shift();
      const [next] = this.responses;
      if (!next) return;
      next.socket = this;
      next.emit('socket', this);
    }
  }
  class FakeResponse extends EventEmitter {
    socket: object | null = null;
    destroyed = false;
    headersSent = false;
    setHeader(): void {}
  }
  const names = (name: string, from: number, to: number): string[] =>
    Array.from({ length: to - from + 1 }, (_, at) => `${name}${from + at}`);

  it('begin 64 requests of all connections at once, and the others in the next turns', async () => {
    for (let at = 1; at <= 150; at += 1) new FakeConnection().arrive(`c${at}-`, 1);
    const all = names('c', 1, 150).map((name) => `${name}-1`);
    expect(begun).to.deep.equal(all.slice(0, 64));
    await endOfTurn();
    expect(begun).to.deep.equal(all.slice(0, 128));
    await endOfTurn();
    expect(begun).to.deep.equal(all);
  });

  it('leave out a request whose connection is closed before its turn', async () => {
    for (let at = 1; at <= 64; at += 1) new FakeConnection().arrive(`c${at}-`, 1);
    const [gone, open] = [new FakeConnection(), new FakeConnection()];
    gone.arrive('gone', 1);
    open.arrive('open', 1);
    gone.responses[0]!.destroyed = true;
    await endOfTurn();
    expect(begun.slice(64)).to.deep.equal(['open1']);
  });

  it('go on behind a whole turn of requests whose connections are closed', async () => {
    const gone: FakeConnection[] = [];
    for (let at = 1; at <= 64; at += 1) new FakeConnection().arrive(`c${at}-`, 1);
    for (let at = 1; at <= 64; at += 1) {
      gone.push(new FakeConnection());
      gone.at(-1)!.arrive(`gone${at}-`, 1);
    }
    new FakeConnection().arrive('open', 1);
    for (const { responses } of gone) responses[0]!.destroyed = true;
    await endOfTurn();
    await endOfTurn();
    expect(begun.slice(64)).to.deep.equal(['open1']);
  });

  it('begin a request of a connection when the answer before it is over', () => {
    const [a, b] = [new FakeConnection(), new FakeConnection()];
    a.arrive('a', 3);
    b.arrive('b', 1);
    expect(begun).to.deep.equal(['a1', 'b1']);
    a.answer();
    expect(begun).to.deep.equal(['a1', 'b1', 'a2']);
    a.answer();
    expect(begun).to.deep.equal(['a1', 'b1', 'a2', 'a3']);
  });

  it('begin a stop before the answers ahead of it are over, and close its answer when the connection closes first', () => {
    const a = new FakeConnection();
    a.arrive('a', 2);
    a.arrive('stop', 2);
    expect(begun).to.deep.equal(['a1', 'stop1', 'stop2']);
    const [, , first, second] = a.responses;
    let closed = 0;
    for (const response of [first!, second!]) response.on('close', () => (closed += 1));
    for (let at = 1; at <= 2; at += 1) a.answer();
    expect(begun).to.deep.equal(['a1', 'stop1', 'stop2', 'a2']);
    a.emit('close');
    expect(closed).to.equal(1);
  });

  it('begin no stop before a request ahead of it that may still change something', () => {
    const a = new FakeConnection();
    a.arrive('change', 2);
    a.arrive('stop', 1);
    a.answer();
    expect(begun).to.deep.equal(['change1', 'change2']);
    a.answer();
    expect(begun).to.deep.equal(['change1', 'change2', 'stop1']);
    const b = new FakeConnection();
    b.arrive('change', 1);
    b.responses[0]!.headersSent = true;
    b.arrive('stop', 1);
    expect(begun.slice(3)).to.deep.equal(['change1', 'stop1']);
  });

  it('begin no request of a connection that is closed when the answer before it is over', () => {
    const a = new FakeConnection();
    a.arrive('a', 2);
    a.destroyed = true;
    a.answer();
    expect(begun).to.deep.equal(['a1']);
  });

  it('give way to other connections when the answers of one come at once', async () => {
    const [a, b] = [new FakeConnection(), new FakeConnection()];
    a.arrive('a', 100);
    for (let at = 1; at < 100; at += 1) if (begun.at(-1) === `a${at}`) a.answer();
    b.arrive('b', 1);
    expect(begun).to.deep.equal(names('a', 1, 64));
    await endOfTurn();
    expect(begun).to.deep.equal([...names('a', 1, 65), 'b1']);
  });

  it('refuse the first request of a connection that has 256 waiting, and drop those behind it', () => {
    const a = new FakeConnection();
    a.arrive('a', 400);
    const refusal = 'More than 256 requests wait on this connection: read the answers before you send more.';
    expect(begun).to.deep.equal(['a1', refusal]);
    for (let at = 1; at < 400; at += 1) a.answer();
    expect(begun).to.deep.equal(['a1', refusal, ...names('a', 2, 64)]);
  });
});

describe('a connection with too many requests', () => {
  let server: TestServer;
  before(async () => {
    server = await openTestServer();
  });
  after(() => server.close());

  it('gets the answers in their order, then a 429, and is closed', async () => {
    const socket = createConnection(server.port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1000));
    await waitFor(() => socket.closed);
    const statuses = [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    expect(statuses.length).to.be.within(258, 999);
    expect(statuses).to.deep.equal([...Array<string>(statuses.length - 1).fill('200'), '429']);
    expect(received).to.contain('More than 256 requests wait on this connection');
  });

  it('gets all answers when it sends as many as it may', async () => {
    const socket = createConnection(server.port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(256));
    await waitFor(() => received.split('HTTP/1.1 200').length === 257);
    expect(socket.closed).to.equal(false);
    socket.destroy();
  });
});
