import { WebSocket } from 'ws';
import { openApp } from '../../lib/app.ts';
import type { App, AppOptions } from '../../lib/app.ts';
import { readConfig } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';

/** An AgentMessage, chunk, ack or error frame as a client gets it. */
export interface Envelope {
  sessionId?: string;
  taskId?: string | null;
  from?: string;
  to?: string;
  type: string;
  message?: unknown;
  completions?: unknown;
  createTime?: string;
  seq?: number;
  code?: string;
  part?: string;
  error?: { code: string; message: string };
}

export interface TestApp extends App {
  /** What was logged as a warning or an error. */
  readonly complaints: string[];
  post(path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  get(path: string): Promise<{ status: number; body: unknown }>;
  /** Opens a session; rejects with the problem's text when it is refused. */
  init(body: object): Promise<string>;
  history(id: string): Promise<Envelope[]>;
  chat(id: string, since?: number): Promise<Chat>;
}

/** The whole server on a free port, over a database in memory; settings are given, nothing is read from files. */
export async function openTestApp(
  env: Record<string, string> = {},
  options: AppOptions = {},
): Promise<TestApp> {
  const complaints: string[] = [];
  const note = (fields: object, text: string): void =>
    void complaints.push('err' in fields ? `${text}: ${messageOf(fields.err)}` : text);
  const log: Log = { debug: () => undefined, info: () => undefined, warn: note, error: note };
  const settings = { PORT: '0', DATABASE_URL: 'sqlite::memory:', ...env };
  const app = await openApp(readConfig({ env: settings, cwd: '/nowhere' }), log, options);
  const call = async (path: string, init: RequestInit): Promise<{ status: number; body: unknown }> => {
    const answer = await fetch(`${app.url}${path}`, init);
    return { status: answer.status, body: await answer.json() };
  };
  const headers = { 'content-type': 'application/json' };
  return {
    ...app,
    complaints,
    post: (path, body) =>
      call(path, { method: 'POST', headers, ...(body !== undefined && { body: JSON.stringify(body) }) }),
    get: (path) => call(path, {}),
    async init(body) {
      const answer = await call('/api/init', { method: 'POST', headers, body: JSON.stringify(body) });
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
      return (answer.body as { id: string }).id;
    },
    async history(id) {
      return (await call(`/api/history?id=${id}`, {})).body as Envelope[];
    },
    chat: (id, since) =>
      openChat(
        `${app.url.replace('http', 'ws')}/api/chat?id=${id}${since === undefined ? '' : `&since=${since}`}`,
      ),
  };
}

/** A client's side of a session's WebSocket. */
export interface Chat {
  readonly seen: Envelope[];
  /** The close code, once it is closed. */
  readonly closed: number | undefined;
  send(frame: unknown): void;
  say(text: string): void;
  /** Resolves when `holds` does, looked at after every frame and at the close. */
  until(holds: () => boolean): Promise<void>;
  /** Resolves when so many tasks have ended. */
  tasksEnded(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function openChat(url: string): Promise<Chat> {
  const socket = new WebSocket(url);
  const seen: Envelope[] = [];
  const waiting = new Set<() => void>();
  let closed: number | undefined;
  const look = (): void => {
    for (const one of waiting) one();
  };
  socket.on('message', (data: Buffer) => {
    seen.push(JSON.parse(data.toString()) as Envelope);
    look();
  });
  socket.on('close', (code) => {
    closed = code;
    look();
  });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const one = (): void => {
        if (!holds()) return;
        waiting.delete(one);
        resolve();
      };
      waiting.add(one);
      one();
    });
  return {
    seen,
    get closed() {
      return closed;
    },
    send: (frame) => socket.send(JSON.stringify(frame)),
    say: (text) => socket.send(JSON.stringify({ type: 'text', message: text })),
    until,
    tasksEnded: (count) => until(() => seen.filter(isEnd).length >= count),
    async close() {
      if (closed !== undefined) return;
      socket.close();
      await until(() => closed !== undefined);
    },
  };
}

function isEnd({ to, message }: Envelope): boolean {
  return to === 'client' && (message === '[TASK_DONE]' || message === '[TASK_STOP]');
}

/** An envelope as the seed's transcript writes it: `AGENT -> CLIENT: [text] [TASK_START]`. */
export function line({ from = '', to = '', type, message }: Envelope): string {
  const text = typeof message === 'string' ? message : JSON.stringify(message);
  return `${from.toUpperCase()} -> ${to.toUpperCase()}: [${type}] ${text}`;
}
