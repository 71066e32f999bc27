import { cutWords } from '../../common/cut-words.ts';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { withDeadline } from '../../common/deadline.ts';
import { formatExactly } from '../../common/exact-numbers.ts';
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { messageOf } from '../../errors.ts';
import type { HttpContext } from '../http.ts';
import { Lines } from './lines.ts';
import {
  answerIn,
  lost,
  MESSAGE_MAX_BYTES,
  notTaken,
  type McpAnswer,
  type McpLink,
  type McpRequest,
  type OnServerMessage,
} from './link.ts';
import { createNoticeReader, paramsOf } from './notices.ts';
import { parseServerMessage } from './parse-server-message.ts';
import type { ProcessPlace } from './place.ts';
import { STOOD_STILL } from '../stood-still.ts';

/** A process that ends by itself does so within this time, after its input ended and after each signal. */
const ENDING_MAX_MS = 2000;
/** The last words of a process are in the error of a call that it did not answer. */
const LAST_WORDS_MAX_CHARS = 500;
const LAST_LINE_MAX_CHARS = 400;

type Env = Readonly<Record<string, string>>;

interface Waiting {
  id: number;
  take(answer: McpAnswer): void;
  request: McpRequest;
  receive: OnServerMessage | undefined;
}

/** A process that speaks the protocol on its standard input and output [MCP 2025-11-25, stdio]. */
export class ProcessLink implements McpLink {
  readonly isListening = true;
  readonly #name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #onMessage: OnServerMessage;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<unknown>;
  /** Messages are read one after the other, because long ones are read in slices. */
  #reading = Promise.resolve();
  #lastWords = '';
  #lastId = 0;
  isOver = false;

  /** `inherited` are the variables that every program needs; the secrets of this server are in the others. */
  private constructor({ command, env }: ProcessPlace, inherited: Env, onMessage: OnServerMessage) {
    const [program = '', ...args] = command;
    this.#name = program;
    this.#onMessage = onMessage;
    // In a group of its own, so that the children of a starter such as npx end with it.
    this.#child = spawn(program, args, { env: { ...inherited, ...env }, stdio: 'pipe', detached: true });
    this.#ended = once(this.#child, 'close').catch(() => undefined);
    this.#child.once('error', (error) => this.#end(`it cannot be started: ${messageOf(error)}`));
    this.#child.once('close', (code, signal) => this.#end(`it ended (${signal ?? `code ${code}`})`));
    this.#child.stdin.on('error', () => undefined); // the end of the process tells it
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = lastLines(this.#lastWords + text);
    });
    const lines = new Lines(MESSAGE_MAX_BYTES);
    const { stdout } = this.#child;
    stdout.on('data', (chunk: Buffer) => {
      if (this.isOver) return;
      for (const line of lines.push(chunk)) this.#read(line);
      if (lines.isTooLong) this.#end(`it sent a message of more than ${MESSAGE_MAX_BYTES} bytes`);
      stdout.pause();
      void this.#reading.then(() => stdout.resume());
    });
  }

  /** Starts the process. */
  static async start(place: ProcessPlace, onMessage: OnServerMessage): Promise<ProcessLink> {
    const { getDefaultEnvironment } = await import('@modelcontextprotocol/sdk/client/stdio.js');
    return new ProcessLink(place, getDefaultEnvironment(), onMessage);
  }

  begin(): void {}

  async request(request: McpRequest, { signal, mayLeave, timeoutMs }: HttpContext): Promise<McpAnswer> {
    if (this.isOver) return notTaken('unavailable', `${this.#name} has ended. The next call starts it again`);
    if (signal.aborted) return notTaken('cancelled', 'Stopped before it was sent');
    if (request.effect === 'write' && mayLeave?.() === false) return notTaken('not_sent', STOOD_STILL);
    const id = ++this.#lastId;
    const { method, onNotice } = request;
    const receive = onNotice && createNoticeReader(id, onNotice);
    const answer = new Promise<McpAnswer>((take) => this.#waiting.set(id, { id, take, request, receive }));
    this.#write({ id, method, params: paramsOf(request, id) });
    const late = (): Error => new Error('late');
    try {
      return await withDeadline(answer, timeoutMs, late);
    } catch {
      await this.tell({ method: 'notifications/cancelled', params: { requestId: id, reason: 'Too late' } });
      const words = `${this.#name} did not finish its answer within ${Math.round(timeoutMs)} ms`;
      return lost(request, 'ETIMEDOUT', words);
    } finally {
      this.#waiting.delete(id);
    }
  }

  async tell(message: JsonObject): Promise<void> {
    // A program that does not read gets no more of them: they would wait in memory.
    if (!this.isOver && !this.#child.stdin.writableNeedDrain) this.#write(message);
  }

  /** The input ends first, then come the signals [MCP 2025-11-25, Shutdown]. */
  async close(): Promise<void> {
    this.#end('it was closed');
    if (this.#child.pid === undefined) return;
    this.#child.stdin.end();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const isOver = await withDeadline(this.#ended, ENDING_MAX_MS, () => new Error('late')).then(
        () => true,
        () => false,
      );
      if (isOver) break;
      this.#kill(signal);
    }
    await this.#ended;
  }

  #write(message: JsonObject): void {
    this.#child.stdin.write(`${formatExactly({ jsonrpc: '2.0', ...message })}\n`);
  }

  #read(line: string): void {
    if (line.trim() === '') return;
    this.#reading = this.#reading.then(async () => {
      try {
        this.#take(await parseServerMessage(line));
      } catch (error) {
        if (!(error instanceof SyntaxError) && !(error instanceof RangeError)) throw error;
        this.#lastWords = lastLines(`${line}\n`); // words on the wrong stream
      }
    });
  }

  #take(message: JsonValue): void {
    if (!isObject(message)) return;
    if ('method' in message) {
      this.#onMessage(message);
      const isLog = message['method'] === 'notifications/message';
      // A line of the log names no request. With several under way it might be about the call of somebody else.
      if (!isLog || this.#waiting.size === 1)
        for (const { receive } of this.#waiting.values()) receive?.(message);
    }
    const waiting = this.#waiting.get(Number(message['id']));
    const answer = waiting && answerIn(message, waiting.id);
    if (answer) waiting.take(answer);
  }

  /** Fails the requests that wait. */
  #end(reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    const said = this.#lastWords.trim();
    const words = `${this.#name}: ${reason}${said === '' ? '' : `. Its last words: ${said}`}`;
    for (const { take, request } of this.#waiting.values()) take(lost(request, 'unavailable', words));
    if (this.#child.exitCode === null && this.#child.pid !== undefined) this.#child.stdin.end();
  }

  #kill(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.#child.pid!, signal);
    } catch {
      this.#child.kill(signal); // there are no groups on this system, or it has just ended
    }
  }
}

/** The last lines of a text. A long line is cut at its end: the end of a secret whose beginning is missing would not be known. */
function lastLines(text: string): string {
  const kept: string[] = [];
  let chars = 0;
  for (const line of text.split('\n').toReversed()) {
    const shown = cutWords(line, LAST_LINE_MAX_CHARS);
    chars += shown.length;
    if (kept.length > 0 && chars > LAST_WORDS_MAX_CHARS) break;
    kept.unshift(shown);
  }
  return kept.join('\n');
}
