import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { AgentMessage } from '../../lib/dialects/liteagent/envelope.ts';

/** A client of one session that keeps what it sees, changes nodes at random, and never gives up. */
export interface CrashClient {
  /** Every envelope as it came, over all connections. */
  readonly seen: readonly AgentMessage[];
  readonly connections: number;
  /** What a client should never see. */
  readonly faults: readonly string[];
  /** Hands a task in until it is acknowledged, then waits for its end. */
  work(taskId: string, sentence: string): Promise<void>;
  /** Resolves when it has seen an envelope for which this holds. */
  until(holds: (envelope: AgentMessage) => boolean): Promise<void>;
  /** Breaks the connection off, as a network does. */
  drop(): void;
  close(): void;
}

export interface CrashClientOptions {
  sessionId: string;
  /** Where nodes listen now. */
  urls: () => readonly string[];
  random: () => number;
  /** The position to begin after; live only when undefined. */
  since?: number;
}

const ACK_TIMEOUT_MS = 1000;
const SILENCE_TIMEOUT_MS = 3000;
const HANDSHAKE_TIMEOUT_MS = 1000;
/** Refusals that only mean "later, or elsewhere". */
const PASSING = new Set(['unavailable']);

type Frame =
  | { type: 'ack'; taskId: string; seq: number }
  | { type: 'error'; code: string; message: string; taskId?: string };

export function openCrashClient({ sessionId, urls, random, since }: CrashClientOptions): CrashClient {
  const seen: AgentMessage[] = [];
  const faults: string[] = [];
  const acked = new Set<string>();
  const waiting = new Set<() => void>();
  let last = since;
  let connections = 0;
  let closed = false;
  let socket: WebSocket | undefined;
  let heardAt = 0;

  function check(): void {
    for (const one of waiting) one();
  }

  function connect(): void {
    const known = urls();
    const url = known[Math.floor(random() * known.length)];
    if (closed || url === undefined) {
      if (!closed) setTimeout(connect, 50);
      return;
    }
    const position = last === undefined ? '' : `&since=${last}`;
    const ws = new WebSocket(`${url.replace('http', 'ws')}/api/chat?id=${sessionId}${position}`, {
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    });
    ws.on('open', () => {
      connections += 1;
      heardAt = Date.now();
      socket = ws;
      check();
    });
    ws.on('message', (data: Buffer) => hear(data.toString()));
    ws.on('error', () => undefined); // a close follows
    ws.on('close', (code) => {
      if (socket === ws) socket = undefined;
      if (code === 4404 || code === 4408 || code === 1013) faults.push(`a socket was closed with ${code}`);
      setTimeout(connect, 20 + random() * 60);
      check();
    });
  }

  function hear(text: string): void {
    heardAt = Date.now();
    const frame = JSON.parse(text) as AgentMessage | Frame;
    if (frame.type === 'ack') {
      acked.add(frame.taskId);
      last ??= frame.seq; // one that has seen nothing yet comes back to where its task began
    } else if (frame.type === 'error') {
      const { code, message } = frame;
      if (PASSING.has(code)) socket?.terminate();
      else faults.push(`error frame ${code}: ${message}`);
    } else {
      seen.push(frame);
      last = frame.seq;
    }
    check();
  }

  /** Resolves when `holds` does; with false when that takes too long. */
  function held(holds: () => boolean, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (value: boolean): void => {
        waiting.delete(one);
        clearTimeout(timer);
        resolve(value);
      };
      const one = (): void => {
        if (closed || holds()) finish(!closed);
      };
      const timer = setTimeout(() => finish(false), timeoutMs);
      waiting.add(one);
      one();
    });
  }

  connect();
  const client: CrashClient = {
    seen,
    get connections() {
      return connections;
    },
    faults,
    async work(taskId, sentence) {
      const contentList = [{ type: 'text', message: sentence }];
      while (!closed && !acked.has(taskId)) {
        if (!(await held(() => socket !== undefined, 500))) continue;
        const on = socket;
        on?.send(JSON.stringify({ taskId, contentList, ack: true }));
        const answered = await held(() => acked.has(taskId) || socket !== on, ACK_TIMEOUT_MS);
        if (!answered) on?.terminate(); // a node that says nothing
      }
      await client.until((envelope) => envelope.taskId === taskId && isEnd(envelope));
    },
    async until(holds) {
      let from = 0;
      const found = (): boolean => {
        for (; from < seen.length; from += 1) if (holds(seen[from]!)) return true;
        return false;
      };
      while (!closed && !(await held(found, 500)))
        if (Date.now() - heardAt > SILENCE_TIMEOUT_MS) socket?.terminate();
    },
    drop: () => socket?.terminate(),
    close() {
      closed = true;
      socket?.terminate();
      check();
    },
  };
  return client;
}

/** Whether an envelope is a task's last. */
export function isEnd({ to, message }: AgentMessage): boolean {
  return to === 'client' && (message === '[TASK_DONE]' || message === '[TASK_STOP]');
}

/** Calls a node over HTTP, another when it does not answer, until one says 200. */
export async function callAny(
  urls: () => readonly string[],
  random: () => number,
  path: string,
  init: RequestInit = {},
): Promise<unknown> {
  const refusals = new Map<string, number>();
  for (const end = Date.now() + 30_000; Date.now() < end; await delay(50)) {
    const known = urls();
    const url = known[Math.floor(random() * known.length)];
    let refusal = 'nobody listened';
    try {
      if (url === undefined) continue;
      const response = await fetch(`${url}${path}`, { ...init, signal: AbortSignal.timeout(2000) });
      if (response.status === 200) return await response.json();
      if (response.status !== 503)
        throw new TypeError(`${path} answered ${response.status}: ${await response.text()}`);
      refusal = `503: ${await response.text()}`;
    } catch (error) {
      if (error instanceof TypeError && error.message.startsWith(path)) throw error;
      refusal = String(error);
    } finally {
      refusals.set(refusal, (refusals.get(refusal) ?? 0) + 1);
    }
  }
  throw new Error(`no node answered ${path}: ${JSON.stringify(Object.fromEntries(refusals))}`);
}
