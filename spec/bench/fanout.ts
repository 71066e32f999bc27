import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setImmediate as nextTick, setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WebSocketServer, type WebSocket } from 'ws';
import { createOperatorAccess } from '../../lib/accounts/operator.ts';
import { readConfig } from '../../lib/config.ts';
import { openFeed } from '../../lib/core/feed.ts';
import type { Message } from '../../lib/core/message.ts';
import type { Follower, Session } from '../../lib/core/session.ts';
import type { Sessions } from '../../lib/core/sessions.ts';
import { dialects } from '../../lib/dialects/index.ts';
import { envelopesOf } from '../../lib/dialects/liteagent/envelope.ts';
import { quiet } from '../../lib/log.ts';
import { openServer } from '../../lib/server/server.ts';

/** Of a frame between 126 bytes and 64 KiB [RFC 6455 5.2]. */
const HEAD_BYTES = 4;
const SECONDS = 2;
const ROUNDS = 3;

/** One line of the table: what one core of the server pushes to so many sockets. */
export interface FanoutRow {
  sockets: number;
  variant: 'ours' | 'ws.send';
  perSecond: number;
  /** Per second of the server's CPU time: the number that depends least on what else runs. */
  perCpuSecond: number;
}

interface Ask {
  variant: FanoutRow['variant'];
  seconds: number;
}
interface Told {
  sent: number;
  bytes: number;
  ms: number;
  cpuMs: number;
}

/**
 * Pushes one session's envelopes to 1, 100 and 1,000 sockets, through the whole server and through bare ws, in the same
 * process and run. The clients only drain their sockets.
 */
export async function run(): Promise<FanoutRow[]> {
  const server = fork(fileURLToPath(import.meta.url), ['server'], { execArgv: ['--import', 'tsx'] });
  const rows: FanoutRow[] = [];
  try {
    const [{ ours, bare, id }] = (await once(server, 'message')) as [
      { ours: number; bare: number; id: string },
    ];
    for (const sockets of [1, 100, 1000]) {
      const clients = {
        ours: await openClients(sockets, ours, `/api/chat?id=${id}`),
        'ws.send': await openClients(sockets, bare, '/'),
      };
      const told: Record<FanoutRow['variant'], Told[]> = { ours: [], 'ws.send': [] };
      for (let round = 0; round <= ROUNDS; round += 1)
        for (const variant of ['ws.send', 'ours'] as const) {
          const before = clients[variant].bytes();
          const result = await ask(server, { variant, seconds: round === 0 ? 0.5 : SECONDS });
          const expected = result.bytes;
          while (clients[variant].bytes() - before < expected) await delay(20);
          if (clients[variant].bytes() - before !== expected)
            throw new Error(`${variant}: ${clients[variant].bytes() - before} bytes of ${expected}`);
          if (round > 0) told[variant].push(result); // the first one warms up
        }
      for (const variant of ['ws.send', 'ours'] as const)
        rows.push({
          sockets,
          variant,
          perSecond: median(told[variant].map(({ sent, ms }) => (sent / ms) * 1000)),
          perCpuSecond: median(told[variant].map(({ sent, cpuMs }) => (sent / cpuMs) * 1000)),
        });
      clients.ours.close();
      clients['ws.send'].close();
    }
  } finally {
    server.kill();
  }
  return rows;
}

function median(values: number[]): number {
  return Math.round(values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN);
}

async function ask(server: ChildProcess, what: Ask): Promise<Told> {
  server.send(what);
  const [told] = (await once(server, 'message')) as [Told];
  return told;
}

async function openClients(
  count: number,
  port: number,
  path: string,
): Promise<{ bytes(): number; close(): void }> {
  const sockets: Socket[] = [];
  let bytes = 0;
  for (let at = 0; at < count; at += 1) {
    const socket = createConnection(port, '127.0.0.1');
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (!answer.toString().startsWith('HTTP/1.1 101')) throw new Error(answer.toString());
    socket.on('data', (chunk) => (bytes += chunk.length));
    sockets.push(socket);
  }
  return { bytes: () => bytes, close: () => sockets.forEach((socket) => socket.destroy()) };
}

/** A session without a model: the core's own feed over lines made here. `behind` counts the sockets that do not keep up. */
function openSource() {
  let seq = 0;
  let behind = 0;
  let lines: Message[] = [];
  const feed = openFeed(
    async (after) => lines.filter((line) => line.seq > after),
    0,
    (error) => console.error(error),
  );
  const session: Session = {
    id: 'b2ac9280-70d6-4651-bd3a-45eb81cd8c30',
    submit: async () => ({ taskId: '', seq }),
    history: async () => lines,
    stop: async () => {},
    clear: async () => {},
    follow(follower, after) {
      const counted: Follower = {
        messages(batch) {
          const wait = follower.messages(batch);
          if (wait) {
            behind += 1;
            void wait.then(() => (behind -= 1));
          }
          return wait;
        },
        delta: (delta) => follower.delta(delta),
        ended: (reason) => follower.ended(reason),
      };
      return feed.follow(counted, after ?? seq);
    },
  };
  return {
    session,
    size: () => feed.size,
    behind: () => behind,
    push() {
      if (behind === 0) lines = [];
      seq += 1;
      const line: Message = { ...body, seq, time: Date.now() };
      lines.push(line);
      feed.tell([line]);
      return LINE_BYTES + String(seq * 8).length;
    },
  };
}

const body = {
  type: 'task_ended',
  taskId: '0b127f1d-4667-4a52-bbcb-0b636f9a471a',
  status: 'failed',
  error: { code: 'internal', message: 'x'.repeat(256) },
} as const;
/** An envelope of that line, without the digits of its seq. */
const LINE_BYTES =
  Buffer.byteLength(
    JSON.stringify(envelopesOf('b2ac9280-70d6-4651-bd3a-45eb81cd8c30', { ...body, seq: 0, time: 0 })[0]),
  ) - 1;

/** The process under test. */
async function serve(): Promise<void> {
  const source = openSource();
  const defaults = readConfig({ env: {}, cwd: '/' });
  const config = {
    ...defaults,
    port: 0,
    limits: { ...defaults.limits, socketBufferMaxBytes: 65_536, heartbeatIntervalMs: 3_600_000 },
  };
  const sessions: Sessions = {
    create: async () => source.session.id,
    find: async () => source.session,
    close: async () => {},
  };
  const access = createOperatorAccess(undefined);
  const mounts = dialects.map((dialect) =>
    dialect.mount({ sessions, access, config, version: '0', log: quiet }),
  );
  const server = await openServer({ config, mounts, access, log: quiet });
  const bare = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  const sockets = new Set<WebSocket>();
  bare.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => sockets.delete(socket));
  });
  await once(bare, 'listening');
  const text = 'x'.repeat(LINE_BYTES + 6);

  async function push({ variant, seconds }: Ask): Promise<Told> {
    const began = performance.now();
    const end = began + seconds * 1000;
    const cpu = process.cpuUsage();
    const count = variant === 'ours' ? source.size() : sockets.size;
    const burst = count === 1 ? 64 : 1;
    let sent = 0;
    let bytes = 0;
    while (performance.now() < end) {
      sent += burst * count;
      if (variant === 'ours') {
        for (let at = 0; at < burst; at += 1) bytes += count * (source.push() + HEAD_BYTES);
        while (source.behind() > 0) await nextTick();
      } else {
        bytes += burst * count * (text.length + HEAD_BYTES);
        await new Promise<void>((resolve) => {
          let left = burst * count;
          const one = () => {
            left -= 1;
            if (left === 0) resolve();
          };
          for (let at = 0; at < burst; at += 1) for (const socket of sockets) socket.send(text, one);
        });
      }
      await nextTick();
    }
    const used = process.cpuUsage(cpu);
    return { sent, bytes, ms: performance.now() - began, cpuMs: (used.user + used.system) / 1000 };
  }

  process.on('message', (what: Ask) => void push(what).then((told) => process.send?.(told)));
  process.send?.({
    ours: server.port,
    bare: (bare.address() as { port: number }).port,
    id: source.session.id,
  });
}

if (process.argv[2] === 'server') await serve();
else if (process.argv[1] === fileURLToPath(import.meta.url)) console.table(await run());
