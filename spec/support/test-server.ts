import { WebSocket, type ClientOptions } from 'ws';
import { openTestAccounts, type TestAccounts } from './accounts.ts';
import { readConfig, type Config } from '../../lib/config.ts';
import { liteagent } from '../../lib/dialects/liteagent/liteagent.ts';
import type { Sessions } from '../../lib/core/sessions.ts';
import type { Log } from '../../lib/log.ts';
import { openServer, type OpenServer } from '../../lib/server/server.ts';
import { noApprovals, noDevices } from './no-devices.ts';
import { createFakeSessions, type FakeSession, type FakeSessions } from './fake-sessions.ts';

interface LogLine {
  level: keyof Log;
  fields: Record<string, unknown>;
  text: string;
}

/** A server on a free port with the LiteAgent dialect, over sessions that the test writes. */
export interface TestServer extends OpenServer {
  readonly accounts: TestAccounts;
  readonly sessions: FakeSessions;
  readonly log: LogLine[];
  /** Opens a session, as its only caller would. */
  session(body?: object): Promise<FakeSession>;
  call(path: string, init?: RequestInit): Promise<Response>;
  /** A socket on a path, with the frames it gets. */
  connect(path: string, protocols?: string[], options?: ClientOptions): TestSocket;
}

export interface TestSocket {
  readonly ws: WebSocket;
  readonly frames: string[];
  /** Resolves when the socket is open; rejects with `Refused` when the upgrade is. */
  open(): Promise<TestSocket>;
  /** Resolves with the first `count` frames once they are here. */
  take(count: number): Promise<string[]>;
  readonly closed: Promise<{ code: number; reason: string }>;
}

/** An upgrade that was answered with an HTTP status. */
export class Refused extends Error {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
  constructor(status: number, headers: Record<string, unknown>, body: string) {
    super(`refused with ${status}`);
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

type Settings = Partial<Omit<Config, 'limits'>> & {
  limits?: Partial<Config['limits']>;
  ready?: () => Promise<void>;
  /** Other sessions than the fake ones. */
  over?: Sessions;
  arrivalMs?: { headers: number; request: number };
};

/** Opens a test server; `settings` over the defaults of an empty environment. */
export async function openTestServer({
  limits,
  ready,
  over,
  arrivalMs,
  ...settings
}: Settings = {}): Promise<TestServer> {
  const defaults = readConfig({ env: {}, cwd: '/' });
  const config: Config = { ...defaults, port: 0, ...settings, limits: { ...defaults.limits, ...limits } };
  const sessions = createFakeSessions();
  const lines: LogLine[] = [];
  const write = (level: keyof Log) => (fields: object, text: string) =>
    void lines.push({ level, fields: { ...fields }, text });
  const log: Log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const accounts = await openTestAccounts({ authToken: config.authToken });
  const { access, firstRequests } = accounts;
  const context = {
    sessions: over ?? sessions,
    devices: noDevices,
    approvals: noApprovals,
    entryWarnings: async () => [],
    access,
    config,
    version: '9.8.7',
    log,
  };
  const mounts = [liteagent.mount(context)];
  const server = await openServer({
    config,
    mounts,
    access,
    firstRequests,
    log,
    ...(ready && { ready }),
    ...(arrivalMs && { arrivalMs }),
  });
  const sockets: TestSocket[] = [];
  const authorization = config.auth === 'required' ? `Bearer ${config.authToken ?? ''}` : undefined;

  return {
    url: server.url,
    port: server.port,
    drain: () => server.drain(),
    accounts,
    sessions,
    log: lines,
    async session(body = {}) {
      const response = await fetch(`${server.url}/api/init`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(authorization !== undefined && { authorization }),
        },
        body: JSON.stringify(body),
      });
      const { id } = (await response.json()) as { id: string };
      return sessions.all.get(id)!;
    },
    call: (path, init) => fetch(`${server.url}${path}`, init),
    connect(path, protocols = [], options = {}) {
      const socket = createTestSocket(
        new WebSocket(`${server.url.replace('http', 'ws')}${path}`, protocols, options),
      );
      sockets.push(socket);
      return socket;
    },
    async close() {
      await server.close();
      for (const { ws } of sockets) ws.terminate();
      await accounts.close();
    },
  };
}

function createTestSocket(ws: WebSocket): TestSocket {
  const frames: string[] = [];
  const waiting: { count: number; resolve: (frames: string[]) => void }[] = [];
  const opened = new Promise<void>((resolve, reject) => {
    ws.on('open', resolve);
    ws.on('error', reject);
    ws.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => reject(new Refused(response.statusCode ?? 0, response.headers, body)));
    });
  });
  // A refusal that no test waits for is no failure of its own.
  opened.catch(() => {});
  ws.on('message', (data: Buffer) => {
    frames.push(data.toString());
    for (const [at, { count, resolve }] of [...waiting.entries()].toReversed())
      if (frames.length >= count) {
        waiting.splice(at, 1);
        resolve(frames.slice(0, count));
      }
  });
  const socket: TestSocket = {
    ws,
    frames,
    async open() {
      await opened;
      return socket;
    },
    take: (count) =>
      new Promise((resolve) => {
        if (frames.length >= count) resolve(frames.slice(0, count));
        else waiting.push({ count, resolve });
      }),
    closed: new Promise((resolve) => {
      ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    }),
  };
  return socket;
}
