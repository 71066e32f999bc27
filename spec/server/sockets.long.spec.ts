import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { expect } from 'chai';
import type { MessageBody } from '../../lib/core/message.ts';
import { WebSocket } from 'ws';
import { collectGarbage } from '../support/collect-garbage.ts';
import type { FakeSession } from '../support/fake-sessions.ts';
import { rawRequest } from '../support/raw-http.ts';
import { openTestServer, type TestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const MIB = 1024 * 1024;

function line(size: number): MessageBody {
  return {
    type: 'task_ended',
    taskId: 't',
    status: 'failed',
    error: { code: 'internal', message: 'x'.repeat(size) },
  };
}

/** Waits as `waitFor` does, with the patience for many megabytes on a busy machine. */
function until(condition: () => boolean): Promise<void> {
  return waitFor(condition, 10_000);
}

/** A client that shakes hands and then does nothing by itself: no pong, and no reading once it is paused. */
async function dumbClient(server: TestServer, path: string): Promise<Socket> {
  const socket = createConnection(server.port, '127.0.0.1');
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).to.match(/^HTTP\/1\.1 101 /);
  const frames = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
  if (frames.length > 0) socket.unshift(frames); // on a busy machine the first ping comes with the answer
  return socket;
}

describe('the sockets', () => {
  describe('with a reader that falls behind', () => {
    let server: TestServer;
    let session: FakeSession;
    before(async () => {
      server = await openTestServer({
        limits: { socketBufferMaxBytes: 256 * 1024, socketStallTimeoutMs: 10_000 },
      });
    });
    after(() => server.close());
    beforeEach(async () => {
      session = await server.session();
    });

    it('hold back messages for a slow reader, in bounded memory, and catch up in order', async function () {
      this.timeout(120_000);
      const socket = await server.connect(`/api/chat?id=${session.id}`).open();
      const fast = await server.connect(`/api/chat?id=${session.id}`).open();
      socket.ws.pause();
      const before = process.memoryUsage().external;
      const count = 60;
      for (let at = 0; at < count; at += 1) {
        session.append(line(MIB / 2));
        await fast.take(at + 1);
      }
      // Thirty megabytes were said; what waits for the slow one is what the kernel took and a part of one page.
      expect(session.behind).to.equal(1);
      await until(() => {
        collectGarbage();
        return process.memoryUsage().external - before < 15 * MIB;
      });
      socket.ws.resume();
      const frames = await socket.take(count);
      expect(frames).to.deep.equal(fast.frames);
      await until(() => session.behind === 0);
      session.append(line(1));
      await socket.take(count + 1);
    });

    it('skip partial text for it, as the whole text comes anyway', async () => {
      const socket = await server.connect(`/api/chat?id=${session.id}`).open();
      socket.ws.pause();
      while (session.behind === 0) {
        session.append(line(MIB));
        await new Promise(setImmediate);
      }
      session.say('t', 'never seen');
      session.append(line(1));
      socket.ws.resume();
      await until(() => session.behind === 0);
      session.say('t', 'seen');
      await until(() => socket.frames.some((frame) => frame.includes('"chunk"')));
      expect(socket.frames.filter((frame) => frame.includes('"chunk"'))).to.deep.equal([
        '{"type":"chunk","taskId":"t","part":"seen"}',
      ]);
    });

    it('read no more from a peer that does not take the answers', async function () {
      this.timeout(120_000);
      const client = await dumbClient(server, `/api/chat?id=${session.id}`);
      client.pause();
      // Masked frames, each answered with an error frame.
      const junk = Buffer.concat(
        Array.from({ length: 10_000 }, () => Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x7b])),
      );
      let blocked = 0;
      while (blocked < 3) {
        const flowing = client.write(junk);
        if (!flowing) {
          const drained = once(client, 'drain').then(() => true);
          const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 300));
          blocked = (await Promise.race([drained, late])) ? 0 : blocked + 1;
        }
      }
      expect(process.memoryUsage().external).to.be.below(200 * MIB);
      client.destroy();
      // A server that reads nothing may see only by the stall that the peer is gone.
      await waitFor(() => session.followers === 0, 30_000);
    });
  });

  describe('with messages that do not end', () => {
    /** The head of a masked text frame of this size, and a part of its bytes. */
    const part = (size: number, sent: number): Buffer => {
      const head = Buffer.alloc(14);
      head.set([0x81, 0xff]);
      head.writeUInt32BE(size, 6);
      return Buffer.concat([head, Buffer.alloc(sent, 0x20)]);
    };

    it('cut off the largest one when all together are too many bytes', async () => {
      const server = await openTestServer({ limits: { socketInputMaxBytes: 5 * MIB } });
      const session = await server.session();
      const path = `/api/chat?id=${session.id}`;
      const [small, large, last] = [
        await dumbClient(server, path),
        await dumbClient(server, path),
        await dumbClient(server, path),
      ];
      const closed: string[] = [];
      for (const [name, client] of Object.entries({ small, large, last })) {
        client.on('error', () => undefined);
        client.on('close', () => closed.push(name));
      }
      small.write(part(8 * MIB, MIB));
      large.write(part(8 * MIB, 3 * MIB));
      last.write(part(2 * MIB, 2 * MIB - 1));
      await until(() => closed.length > 0 && session.followers === 2);
      last.write('x');
      const [frame] = (await once(last, 'data')) as [Buffer];
      expect(frame.toString()).to.include('The message is larger than 1048576 bytes.');
      expect(closed).to.deep.equal(['large']);
      await server.close();
    });

    it('close a peer whose message does not end in time with 1008, and no peer that is silent', async () => {
      const server = await openTestServer({
        limits: { heartbeatIntervalMs: 1000, socketMessageTimeoutMs: 200 },
      });
      const session = await server.session();
      const silent = await server.connect(`/api/chat?id=${session.id}`).open();
      let pings = 0;
      silent.ws.on('ping', () => (pings += 1));
      const slow = await dumbClient(server, `/api/chat?id=${session.id}`);
      slow.on('error', () => undefined); // the server may be gone before the next byte
      const closed = new Promise<void>((resolve) => slow.once('close', () => resolve()));
      slow.write(part(100, 0));
      const drip = setInterval(() => slow.write('x'), 20);
      const received: Buffer[] = [];
      slow.on('data', (chunk: Buffer) => received.push(chunk));
      await closed;
      clearInterval(drip);
      expect(Buffer.concat(received).toString('latin1')).to.include(
        '\u0003\u00f0a message took too long to arrive',
      );
      await until(() => pings > 1);
      expect(silent.ws.readyState).to.equal(WebSocket.OPEN);
      await server.close();
    });
  });

  it('read a peer no further while much of its work goes on, and take the rest in order afterwards', async () => {
    const server = await openTestServer();
    const session = await server.session();
    const texts: string[] = [];
    const works: (() => void)[] = [];
    session.submit = ({ content: [said] }) => {
      texts.push(said?.type === 'text' ? said.text : '');
      return new Promise((resolve) => works.push(() => resolve({ taskId: 't', seq: 1 })));
    };
    const socket = await server.connect(`/api/chat?id=${session.id}`).open();
    const sent = Array.from({ length: 40 }, (_, at) => `${at} ${'x'.repeat(100_000)}`);
    for (const text of sent) socket.ws.send(JSON.stringify({ type: 'text', message: text }));
    await until(() => works.length >= 6);
    for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
    expect(works.length).to.be.below(10);
    await until(() => {
      works.splice(0).forEach((end) => end());
      return texts.length === sent.length;
    });
    works.splice(0).forEach((end) => end());
    expect(texts).to.deep.equal(sent);
    await server.close();
  });

  it('close a reader that takes nothing with 1013, and it can resume with since', async function () {
    this.timeout(120_000);
    const server = await openTestServer({
      limits: { socketBufferMaxBytes: 64 * 1024, socketStallTimeoutMs: 200 },
    });
    const session = await server.session();
    const socket = await server.connect(`/api/chat?id=${session.id}`).open();
    socket.ws.pause();
    const count = 20;
    for (let at = 0; at < count; at += 1) session.append(line(MIB));
    await until(() => session.behind === 1);
    // The socket is given up once nothing has moved for the limit; what was written before still arrives.
    await until(() => session.followers === 1 && socket.ws.isPaused);
    await new Promise((resolve) => setTimeout(resolve, 600));
    socket.ws.resume();
    expect(await socket.closed).to.deep.equal({ code: 1013, reason: 'too slow: connect again with since' });
    const seen = socket.frames.map((frame) => (JSON.parse(frame) as { seq: number }).seq);
    expect(seen.length).to.be.within(1, count - 1);
    const again = await server.connect(`/api/chat?id=${session.id}&since=${seen.at(-1)}`).open();
    const rest = (await again.take(count - seen.length)).map(
      (frame) => (JSON.parse(frame) as { seq: number }).seq,
    );
    expect([...seen, ...rest]).to.deep.equal(Array.from({ length: count }, (_, at) => (at + 2) * 8));
    await server.close();
  });

  describe('with a short heartbeat', () => {
    let server: TestServer;
    let session: FakeSession;
    before(async () => {
      server = await openTestServer({ limits: { heartbeatIntervalMs: 50 } });
      session = await server.session();
    });
    after(() => server.close());

    it('drop a peer that misses two pings', async () => {
      const client = await dumbClient(server, `/api/chat?id=${session.id}`);
      client.on('error', () => undefined);
      let pings = 0;
      client.on('data', (chunk) => {
        pings += chunk.filter((byte) => byte === 0x89).length;
      });
      await new Promise<void>((resolve) => client.once('close', () => resolve())); // an error before it is no failure
      expect(pings).to.equal(2);
      await until(() => session.followers === 0);
    });

    it('keep a peer that answers them, or that talks', async () => {
      const answering = await server.connect(`/api/chat?id=${session.id}`).open();
      let pings = 0;
      answering.ws.on('ping', () => (pings += 1));
      const talking = await server.connect(`/api/chat?id=${session.id}`, [], { autoPong: false }).open();
      const talk = setInterval(() => talking.ws.send('ping'), 20);
      await until(() => pings >= 6);
      clearInterval(talk);
      expect([answering.ws.readyState, talking.ws.readyState]).to.deep.equal([
        WebSocket.OPEN,
        WebSocket.OPEN,
      ]);
    });
  });

  it('are cut off at the end when they do not answer the close', async function () {
    this.timeout(120_000);
    const server = await openTestServer();
    const session = await server.session();
    const client = await dumbClient(server, `/api/chat?id=${session.id}`);
    client.pause();
    const began = performance.now();
    await server.close();
    expect(performance.now() - began).to.be.within(4000, 9000);
    client.destroy();
  });

  it('survive a client that leaves during its upgrade', async () => {
    const server = await openTestServer();
    const session = await server.session();
    for (let at = 0; at < 20; at += 1) {
      const client = createConnection(server.port, '127.0.0.1');
      client.write(
        `GET /api/chat?id=${session.id} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
        () => client.resetAndDestroy(),
      );
      client.on('error', () => {});
    }
    await until(() => session.followers === 0);
    expect((await server.call('/api/version')).status).to.equal(200);
    await server.close();
  });

  it('refuse a request that is no WebSocket handshake', async () => {
    const server = await openTestServer();
    const session = await server.session();
    const path = `/api/chat?id=${session.id}`;
    expect((await server.call(path)).status).to.equal(404);
    const { status, headers, body } = await rawRequest(
      server.port,
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    );
    expect([status, headers['content-type'], (JSON.parse(body) as { detail: string }).detail]).to.deep.equal([
      400,
      'application/problem+json',
      'Not a WebSocket handshake: Missing or invalid Sec-WebSocket-Key header.',
    ]);
    await server.close();
  });
});
