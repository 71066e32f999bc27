import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setImmediate as nextTick, setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WebSocket, WebSocketServer } from 'ws';

import { readConfig } from '../../lib/config.ts';
import { Feed } from '../../lib/core/feed.ts';
import type { Message } from '../../lib/core/message.ts';
import type { Subscriber, Session } from '../../lib/core/session.ts';
import type { Sessions } from '../../lib/core/sessions.ts';
import { liteagent } from '../../lib/dialects/liteagent/liteagent.ts';
import { envelopesOf } from '../../lib/dialects/liteagent/envelope.ts';
import { quiet } from '../../lib/log.ts';
import { openServer } from '../../lib/server/server.ts';
import { openTestAccounts } from '../support/accounts.ts';
import { noApprovals, noDevices } from '../support/no-devices.ts';
import { keptConfigOf } from '../../lib/core/session-config.ts';
import { plainConfig } from '../support/session-config.ts';
import { launch, pinDriver } from './processes.ts';
import { median, table } from './table.ts';

/** Of a frame between 126 bytes and 64 KiB [RFC 6455 5.2]. */
const HEAD_BYTES = 4;
const variants = ['ws.send', 'ours'] as const;
type Variant = (typeof variants)[number];

interface Told {
  sent: number;
  bytes: number;
  ms: number;
  cpuMs: number;
}

/**
 * Pushes one session's envelopes (480 bytes each) to 1, 100 and 1,000 sockets, through the whole server and through bare
 * ws, in the same process and run. The clients only drain their sockets.
 */
export async function run(seconds = 2, repetitions = 3): Promise<void> {
  pinDriver();
  const server = await launch(['--import', 'tsx', fileURLToPath(import.meta.url), 'serve'], {}, 'server');
  const rows: Record<string, string | number>[] = [];
  try {
    const control = new WebSocket(`ws://127.0.0.1:${server.port}/control`);
    const [first] = (await once(control, 'message')) as [Buffer];
    const { port, path } = JSON.parse(first.toString()) as { port: number; path: string };
    for (const sockets of [1, 100, 1000]) {
      const clients = {
        'ws.send': await openClients(sockets, server.port, '/'),
        ours: await openClients(sockets, port, path),
      };
      const told: Record<Variant, Told[]> = { 'ws.send': [], ours: [] };
      for (let repetition = 0; repetition <= repetitions; repetition += 1)
        for (const variant of variants) {
          const { bytes } = clients[variant];
          const before = bytes();
          control.send(JSON.stringify({ variant, seconds: repetition === 0 ? 0.5 : seconds }));
          const [data] = (await once(control, 'message')) as [Buffer];
          const one = JSON.parse(data.toString()) as Told;
          while (bytes() - before < one.bytes) await delay(20);
          if (bytes() - before > one.bytes) throw new Error(`${variant}: bytes that nobody sent`);
          if (repetition > 0) told[variant].push(one); // the first one warms up
        }
      const perCpuSecond = (variant: Variant): number =>
        median(told[variant].map(({ sent, cpuMs }) => (sent / cpuMs) * 1000));
      for (const variant of variants)
        rows.push({
          sockets,
          variant,
          'messages/s': median(told[variant].map(({ sent, ms }) => (sent / ms) * 1000)),
          'per second of CPU': perCpuSecond(variant),
          ratio: `${(perCpuSecond(variant) / perCpuSecond('ws.send')).toFixed(2)}×`,
        });
      for (const variant of variants) clients[variant].close();
    }
    control.terminate();
  } finally {
    await server.stop();
  }
  console.log(table(rows));
}

async function openClients(
  count: number,
  port: number,
  path: string,
): Promise<{ bytes: () => number; close: () => void }> {
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

function notMeasured(): never {
  throw new Error('This is not measured here.');
}

/** A session without a model: the core's own feed over lines made here. `behind` counts the sockets that do not keep up. */
function openSource() {
  let seq = 0;
  let behind = 0;
  let lines: Message[] = [];
  const feed = new Feed({
    read: async (after) => ({ lines: lines.filter((line) => line.seq > after), hasMore: false }),
    lastSeq: 0,
    readLastSeq: async () => seq,
    onError: (error) => console.error(error),
  });
  const session: Session = {
    id: 'b2ac9280-70d6-4651-bd3a-45eb81cd8c30',
    config: keptConfigOf(plainConfig),
    wholeConfig: async () => plainConfig,
    createdAt: 0,
    attributes: notMeasured,
    setAttributes: notMeasured,
    add: notMeasured,
    mark: notMeasured,
    answer: notMeasured,
    read: notMeasured,
    submit: async () => ({ taskId: '', seq }),
    pages: notMeasured,
    idleSeq: () => undefined,
    spokenText: () => '',
    stop: async () => {},
    clear: async () => {},
    subscribe(subscriber, after) {
      const counted: Subscriber = {
        messages(batch) {
          const wait = subscriber.messages(batch);
          if (wait) {
            behind += 1;
            void wait.then(() => (behind -= 1));
          }
          return wait;
        },
        delta: (delta) => subscriber.delta(delta),
        ended: (reason) => subscriber.ended(reason),
      };
      return feed.subscribe(counted, after ?? seq);
    },
  };
  return {
    session,
    size: () => feed.subscriberCount,
    behind: () => behind,
    push() {
      if (behind === 0) lines = [];
      seq += 1;
      const line: Message = { ...body, seq, time: Date.now() };
      lines.push(line);
      feed.publish([line]);
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

interface Ask {
  variant: Variant;
  seconds: number;
}

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
    exists: notMeasured,
    remove: notMeasured,
    removeAll: notMeasured,
    wake: notMeasured,
    close: async () => {},
  };
  const { access, firstRequests } = await openTestAccounts();
  const mounts = [
    liteagent.mount({
      entryWarnings: async () => [],
      sessions,
      devices: noDevices,
      approvals: noApprovals,
      access,
      config,
      version: '0',
      log: quiet,
    }),
  ];
  const server = await openServer({ config, mounts, access, firstRequests, log: quiet });
  const bare = new WebSocketServer({
    host: '127.0.0.1',
    port: Number(process.env['PORT']),
    perMessageDeflate: false,
  });
  const sockets = new Set<WebSocket>();
  bare.on('connection', (socket, request) => {
    if (request.url === '/control') {
      socket.on('message', (data: Buffer) => {
        void push(JSON.parse(data.toString()) as Ask).then((told) => socket.send(JSON.stringify(told)));
      });
      socket.send(JSON.stringify({ port: server.port, path: `/api/chat?id=${source.session.id}` }));
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => sockets.delete(socket));
  });
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
}

if (process.argv[2] === 'serve') await serve();
