import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import type { JsonObject, JsonValue } from '../common/json.ts';
import { AppError } from '../errors.ts';
import { callServer, problemOf, unreachable } from './call-server.ts';
import { printWarnings } from './print-warnings.ts';

/** A line of a session as the server pushes it (contract 1, AgentMessage). */
export interface Envelope {
  sessionId: string;
  /** Empty where the line belongs to no task. */
  taskId: string;
  from: string;
  to: string;
  type:
    | 'text'
    | 'imageUrl'
    | 'contentList'
    | 'functionCallList'
    | 'toolReturn'
    | 'approvalRequest'
    | 'approvalResult';
  /** A text, or the value that belongs to `type`. */
  message: JsonValue;
  /** Rises in the session, with gaps. */
  seq: number;
  /** Beside the last envelope of a task that failed. */
  error?: { code: string; message: string };
}

/** A frame of the server, except `pong`. */
type Frame =
  | Envelope
  | { type: 'chunk'; taskId: string; part: string }
  | { type: 'reasoning'; taskId: string; part: string }
  | { type: 'error'; code: string; message?: string; taskId?: string };

/** A sentence, and its outcome. */
export interface ChatTurn {
  sentence: string;
  /** The last text for the user; empty where there is none. */
  answer: string;
  /** In the order in which the model asked for them. `result` is null for a call without a result. */
  toolCalls: { name: string; arguments: JsonValue; result: JsonValue }[];
  /** `failed`: the task ended with an error. `stopped`: somebody stopped it. */
  status: 'done' | 'stopped' | 'failed';
  error?: { code: string; message: string };
}

/** Receives the envelopes and the text of a turn while it runs. */
export interface TurnObserver {
  envelope?(envelope: Envelope): void;
  chunk?(text: string): void;
}

/** One session of a server, over HTTP and a WebSocket. Every method rejects with an AppError only. */
export interface ChatClient {
  readonly id: string;
  /** Sends a sentence and resolves when its task has ended. */
  say(sentence: string): Promise<ChatTurn>;
  /** Decides about the call that waits longest. Resolves with false when none waits. */
  decide(decision: 'approve' | 'reject', reason?: string): Promise<boolean>;
  /** Stops all tasks. Their `say` resolves with `stopped`. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** A server, and a session of it. */
export interface ClientOptions {
  /** Base of the HTTP calls: `http://127.0.0.1:9527/api`. */
  url: string;
  token?: string | undefined;
  /** The session to join; undefined: a new one with `capability`. */
  session?: string | undefined;
  /** The body of `/init`. */
  capability?: JsonObject;
  observer?: TurnObserver;
}

/** The answer of `/init`. */
interface Opened {
  id: string;
  /** Words about the documents that a person should see. */
  warnings?: string[];
}

/** A sentence whose task has not ended. */
interface Running {
  turn: ChatTurn;
  /** The ids of `turn.toolCalls`, at the same places. */
  callIds: string[];
  resolve(turn: ChatTurn): void;
  reject(error: AppError): void;
}

/** Opens a session or joins one, and subscribes to it. */
export async function openChatClient(options: ClientOptions): Promise<ChatClient> {
  const { url, token, observer = {} } = options;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const { id, warnings = [] } =
    options.session === undefined ? await call('/init', options.capability ?? {}) : { id: options.session };
  printWarnings(warnings);
  const running = new Map<string, Running>();
  /** The approvals that calls of this session wait for, oldest first. */
  const waiting = new Set<string>();
  const socket = await openSocket(`${url.replace(/^http/, 'ws')}/chat?id=${encodeURIComponent(id)}`, headers);
  socket.on('message', (data: Buffer) => receive(JSON.parse(data.toString('utf8')) as Frame));
  socket.on('close', (code, reason) =>
    fail(`the server closed the connection (${code} ${reason.toString()})`),
  );
  socket.on('error', (error) => fail(`the connection broke: ${error.message}`));

  async function call(path: string, body: JsonObject): Promise<Opened> {
    return (await callServer({ url, token }, 'POST', path, body)) as unknown as Opened;
  }

  function receive(frame: Frame): void {
    if (frame.type === 'chunk') return observer.chunk?.(frame.part);
    if (frame.type === 'reasoning') return; // this client does not ask for it
    if (frame.type === 'error') return refuse(frame.taskId, frame.message ?? frame.code);
    observer.envelope?.(frame);
    // Of all tasks: the session may be one that others use, too.
    if (frame.type === 'approvalRequest') waiting.add((frame.message as { id: string }).id);
    if (frame.type === 'approvalResult') waiting.delete((frame.message as { id: string }).id);
    const task = running.get(frame.taskId);
    if (task !== undefined && follow(task, frame)) settle(frame.taskId ?? '')?.resolve(task.turn);
  }

  /** A refusal without a task id answers the last sentence. */
  function refuse(taskId: string | undefined, why: string): void {
    settle(taskId ?? [...running.keys()].at(-1) ?? '')?.reject(new AppError('unavailable', why));
  }

  /** Takes a task out of the running ones; undefined when it is not one of ours, or has ended. */
  function settle(taskId: string): Running | undefined {
    const task = running.get(taskId);
    running.delete(taskId);
    return task;
  }

  /** The connection is gone: nobody will say how the tasks end. */
  function fail(why: string): void {
    for (const { reject } of running.values()) reject(new AppError('unavailable', why));
    running.clear();
  }

  return {
    id,
    say: (sentence) =>
      new Promise((resolve, reject) => {
        if (socket.readyState !== WebSocket.OPEN)
          return reject(new AppError('unavailable', 'the connection is closed'));
        const taskId = randomUUID();
        const turn: ChatTurn = { sentence, answer: '', toolCalls: [], status: 'done' };
        running.set(taskId, { turn, callIds: [], resolve, reject });
        const contentList = [{ type: 'text', message: sentence }];
        socket.send(JSON.stringify({ taskId, contentList, stream: observer.chunk !== undefined }));
      }),
    async decide(decision, reason) {
      const [approval] = waiting;
      if (approval === undefined) return false;
      await call(`/approvals/${approval}`, { decision, ...(reason !== undefined && { reason }) });
      return true;
    },
    stop: async () => void (await call(`/stop?id=${encodeURIComponent(id)}`, {})),
    close: () =>
      new Promise((resolve) => {
        if (socket.readyState === WebSocket.CLOSED) return resolve();
        socket.once('close', () => resolve());
        socket.close(1000);
        // A server that does not close its side must not keep the command waiting.
        setTimeout(() => socket.terminate(), 2000).unref();
      }),
  };
}

/** Adds an envelope to the turn of its task. True for the last one. */
function follow({ turn, callIds }: Running, { from, to, type, message, error }: Envelope): boolean {
  if (from === 'llm' && type === 'functionCallList') {
    for (const { id, name, parameters } of message as { id: string; name: string; parameters: JsonValue }[]) {
      callIds.push(id);
      turn.toolCalls.push({ name, arguments: parameters, result: null });
    }
  } else if (from === 'tool' && type === 'toolReturn') {
    const { id, result } = message as { id: string; result: JsonValue };
    // The last one: an id may come again in a later reply.
    const made = turn.toolCalls[callIds.lastIndexOf(id)];
    if (made !== undefined) made.result = result;
  } else if (to === 'user' && !type.startsWith('approval')) {
    turn.answer = typeof message === 'string' ? message : JSON.stringify(message);
  }
  if (to !== 'client' || (message !== '[TASK_DONE]' && message !== '[TASK_STOP]')) return false;
  turn.status = message === '[TASK_DONE]' ? 'done' : error === undefined ? 'stopped' : 'failed';
  if (error !== undefined) turn.error = error;
  return true;
}

/** Resolves with an open socket. Rejects with `unavailable`, in the words of the server where it has refused the upgrade. */
function openSocket(url: string, headers: Record<string, string>): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers, handshakeTimeout: 10_000 });
    socket.once('open', () => resolve(socket.off('error', refuse)));
    socket.once('error', refuse);
    socket.once('unexpected-response', (_request, response) => {
      let said = '';
      response.on('data', (chunk: Buffer) => (said += chunk.toString()));
      response.on('end', () => {
        const problem = problemOf(response.statusCode ?? 0, said);
        reject(new AppError('unavailable', `${url.replace(/\?.*$/, '')}: ${problem}`));
      });
      response.on('error', refuse);
    });
    function refuse(error: Error) {
      reject(unreachable(url, error));
    }
  });
}
