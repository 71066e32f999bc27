import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { createBudget } from '../../lib/server/budget.ts';
import { createTally } from '../../lib/server/tally.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createFakeSessions } from '../support/fake-sessions.ts';
import { openTestServer, Refused, type TestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const MiB = 1024 * 1024;

/** A bare connection with all that it received. */
function connect(server: TestServer): { socket: Socket; received: () => string; closed: () => boolean } {
  const socket = createConnection(server.port, '127.0.0.1');
  let text = '';
  let closed = false;
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  socket.on('close', () => (closed = true));
  return { socket, received: () => text, closed: () => closed };
}

describe('the limits of connections', () => {
  it('a body that takes too long gets 408, and its connection is closed', async () => {
    const server = await openTestServer({ limits: { requestBodyTimeoutMs: 300 } });
    const slow = connect(server);
    slow.socket.write(
      'POST /api/init HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
    );
    const drip = setInterval(() => slow.socket.write(' '), 50);
    await waitFor(slow.closed);
    clearInterval(drip);
    expect(slow.received().split('\r\n')[0]).to.equal('HTTP/1.1 408 Request Timeout');
    expect(slow.received()).to.include('The body took too long to arrive.');
    await server.close();
  });

  it('large bodies of one caller beside another get 429 and small ones do not, until the large one is over', async () => {
    const sessions = createFakeSessions();
    const { create } = sessions;
    let release: (() => void) | undefined;
    sessions.create = async (...asked) => {
      if (!release) await new Promise<void>((resolve) => (release = resolve));
      return create(...asked);
    };
    const server = await openTestServer({ over: sessions, limits: { bodiesMaxBytes: 2 * MiB } });
    const init = async (size: number): Promise<number> => {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ note: 'x'.repeat(size) });
      return (await server.call('/api/init', { method: 'POST', headers, body })).status;
    };
    const first = init(1_200_000);
    await waitFor(() => release !== undefined);
    expect([await init(250_000), await init(100)]).to.deep.equal([429, 200]);
    release?.();
    expect(await first).to.equal(200);
    await waitFor(async () => (await init(250_000)) === 200);
    await server.close();
  });

  it('an address with too many connections gets 429, and a place that is free again is given', async () => {
    const server = await openTestServer({ limits: { connectionsPerAddressMaxCount: 3 } });
    const first = [connect(server), connect(server), connect(server)];
    await Promise.all(first.map(({ socket }) => once(socket, 'connect')));
    const more = connect(server);
    await waitFor(more.closed);
    expect(more.received().split('\r\n')[0]).to.equal('HTTP/1.1 429 Too Many Requests');
    expect(more.received()).to.include('Your address has 3 connections already');
    for (const { socket } of first) socket.destroy();
    await waitFor(async () => (await server.call('/api/version').catch(() => undefined))?.status === 200);
    await server.close();
  });

  it('the connections of a trusted proxy are not counted', async () => {
    const server = await openTestServer({
      trustedProxies: ['127.0.0.1'],
      limits: { connectionsPerAddressMaxCount: 1 },
    });
    const held = [connect(server), connect(server)];
    await Promise.all(held.map(({ socket }) => once(socket, 'connect')));
    expect((await server.call('/api/version')).status).to.equal(200);
    for (const { socket } of held) socket.destroy();
    await server.close();
  });

  it('the addresses of one IPv6 network share a budget, of requests and of wrong tokens', async () => {
    const limits = { requestsPerMinuteMaxCount: 3 };
    const settings = { trustedProxies: ['127.0.0.1'], limits };
    const statusFrom = async (server: TestServer, address: string, path: string): Promise<number> =>
      (await server.call(path, { headers: { 'x-forwarded-for': address, authorization: 'Bearer x' } }))
        .status;
    const many = Array.from({ length: 4 }, (_, at) => `2001:db8:1:2:${at}::1`);
    const closed = { ...settings, auth: 'required', authToken: 'right' } as const;
    for (const [path, settled, taken] of [
      ['/api/version', settings, 200],
      ['/api/history?id=x', closed, 401],
    ] as const) {
      const server = await openTestServer(settled);
      const statuses: number[] = [];
      for (const address of [...many, '2001:db8:1:3::1', '192.0.2.1', '192.0.2.2'])
        statuses.push(await statusFrom(server, address, path));
      expect(statuses, path).to.deep.equal([taken, taken, taken, 429, taken, taken, taken]);
      await server.close();
    }
  });

  it('a caller with too many WebSockets gets 429', async () => {
    const server = await openTestServer({ limits: { socketsPerCallerMaxCount: 2 } });
    const session = await server.session();
    const path = `/api/chat?id=${session.id}`;
    const [first] = [await server.connect(path).open(), await server.connect(path).open()];
    const refused = await server
      .connect(path)
      .open()
      .catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(Refused);
    expect([(refused as Refused).status, (refused as Refused).body]).to.deep.equal([
      429,
      '{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"You have too many WebSockets open (SOCKETS_PER_CALLER_MAX_COUNT)."}',
    ]);
    first?.ws.close();
    await waitFor(() => session.followers === 1);
    await waitFor(() =>
      server
        .connect(path)
        .open()
        .then(
          () => true,
          () => false,
        ),
    );
    await server.close();
  });

  it('connections that break off with requests that wait leave no request open', async () => {
    const server = await openTestServer({ limits: { openRequestsPerCallerMaxCount: 20 } });
    const headers = 'Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n';
    const missing = 'GET /api/none HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const text = `POST /api/init HTTP/1.1\r\n${headers}\r\n{}`;
    for (let round = 0; round < 30; round += 1) {
      const all = Array.from({ length: 40 }, () => connect(server));
      await Promise.all(
        all.map(async ({ socket }, at) => {
          await once(socket, 'connect');
          socket.write((at % 2 === 0 ? missing : text).repeat(1 + (at % 7)));
          await delay(at % 5);
          if (at % 3 === 0) socket.destroy();
          else socket.resetAndDestroy();
        }),
      );
    }
    const init = async (): Promise<number> => {
      const body = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } };
      return (await server.call('/api/init', body)).status;
    };
    await waitFor(async () => {
      const statuses = await Promise.all(Array.from({ length: 20 }, init));
      return statuses.every((status) => status === 200);
    });
    await server.close();
  });

  it('WebSockets without an account are counted by address', async () => {
    const server = await openTestServer({ limits: { socketsPerCallerMaxCount: 1 } });
    const path = `/api/chat?id=${(await server.session()).id}`;
    const outcomes: unknown[] = [];
    for (const localAddress of ['127.0.0.2', '127.0.0.3', '127.0.0.2'])
      outcomes.push(
        await server
          .connect(path, [], { localAddress })
          .open()
          .then(() => 'open')
          .catch((error: Refused) => error.status),
      );
    expect(outcomes).to.deep.equal(['open', 'open', 429]);
    await server.close();
  });

  it('a caller with too many open requests gets 429, may stop all the same, and has a place again when one ends', async () => {
    const server = await openTestServer({ limits: { openRequestsPerCallerMaxCount: 2 } });
    const session = await server.session();
    const held = [connect(server), connect(server)];
    for (const { socket } of held)
      socket.write('POST /api/init HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{');
    const ask = () => server.call('/api/version');
    await waitFor(async () => (await ask()).status === 429);
    expect(await (await ask()).json()).to.deep.equal({
      type: 'about:blank',
      title: 'Too Many Requests',
      status: 429,
      detail:
        'You have too many requests open (OPEN_REQUESTS_PER_CALLER_MAX_COUNT). Send this one when some have ended.',
    });
    expect((await server.call(`/api/stop?id=${session.id}`)).status).to.equal(200);
    held[0]!.socket.write('}');
    await waitFor(() => held[0]!.received().startsWith('HTTP/1.1 200'));
    held[1]!.socket.destroy();
    await waitFor(async () => {
      const answers = await Promise.all([ask(), ask()]);
      return answers.every(({ status }) => status === 200);
    });
    held[0]!.socket.destroy();
    await server.close();
  });

  it('a caller with too many requests gets 429 until its budget grows again, and may stop all the same', async () => {
    const server = await openTestServer({ limits: { requestsPerMinuteMaxCount: 3 } });
    const session = await server.session();
    const ask = () => server.call('/api/version');
    expect([(await ask()).status, (await ask()).status]).to.deep.equal([200, 200]);
    const refused = await ask();
    expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).to.deep.equal([
      429,
      '20',
      {
        type: 'about:blank',
        title: 'Too Many Requests',
        status: 429,
        detail: 'You have sent too many requests (REQUESTS_PER_MINUTE_MAX_COUNT). Try again in 20 s.',
      },
    ]);
    expect((await server.call(`/api/stop?id=${session.id}`)).status).to.equal(200);
    await server.close();
  });

  it('an address with too many wrong tokens gets 429, and right ones of the same address pass', async () => {
    const authToken = 'operator'.repeat(5);
    const server = await openTestServer({
      auth: 'required',
      authToken,
      limits: { requestsPerMinuteMaxCount: 2 },
    });
    const session = async (token: string): Promise<number> =>
      (await server.call('/api/history?id=x', { headers: { authorization: `Bearer ${token}` } })).status;
    expect([await session('wrong'), await session('wrong'), await session('wrong')]).to.deep.equal([
      401, 401, 429,
    ]);
    expect(await session(authToken)).to.equal(404);
    await server.close();
  });

  it('a caller with too many messages loses its WebSocket, with the reason', async () => {
    const server = await openTestServer({ limits: { requestsPerMinuteMaxCount: 3 } });
    const session = await server.session();
    const socket = await server.connect(`/api/chat?id=${session.id}`).open();
    for (let count = 0; count < 3; count += 1) socket.ws.send('{"type":"ping"}');
    expect(await socket.closed).to.deep.equal({
      code: 1008,
      reason: 'too many messages (REQUESTS_PER_MINUTE_MAX_COUNT): connect again later',
    });
    await server.close();
  });

  it('a budget grows with the time, up to the whole, and each key has its own', () => {
    const clock = createFakeClock();
    const budget = createBudget(60, clock);
    const spent = (key: string) => Array.from({ length: 60 }, () => budget(key)).filter((wait) => wait);
    expect([spent('a'), budget('a'), budget('b')]).to.deep.equal([[], 1, undefined]);
    clock.advance(2000);
    expect([budget('a'), budget('a'), budget('a')]).to.deep.equal([undefined, undefined, 1]);
    clock.advance(3_600_000);
    expect([spent('a'), budget('a')]).to.deep.equal([[], 1]);
  });

  it('a tally counts each key for itself', () => {
    const tally = createTally(1);
    const leave = tally('a');
    expect([typeof leave, typeof tally('a'), typeof tally('b')]).to.deep.equal([
      'function',
      'undefined',
      'function',
    ]);
    leave?.();
    expect(typeof tally('a')).to.equal('function');
  });
});
