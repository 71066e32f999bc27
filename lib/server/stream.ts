import type { IncomingMessage, ServerResponse } from 'node:http';
import Negotiator from 'negotiator';
import { AppError } from '../errors.ts';
import { answerRecordOf, type AnswerRecord } from './record-answer.ts';

/** How a response is written piece by piece. */
export interface StreamOptions {
  contentType: string;
  /** A text for each silence of `everyMs`, so that no proxy on the way takes the connection for dead. */
  heartbeat?: { text: string; everyMs: number };
  /** For how long a client may take nothing before the connection is cut, in ms. */
  stallTimeoutMs: number;
  /** The work goes on after the client has left: its texts are recorded where the client may repeat its request. */
  goesOn?: boolean;
}

/** A response that is written piece by piece. */
export interface TextStream {
  /** Aborts when the client disconnects before the end, or takes nothing any more. */
  readonly signal: AbortSignal;
  /** Writes a text. After the client has disconnected the text is recorded, or dropped. */
  write(text: string): void;
  /** Pending while the client has not taken the texts so far; undefined when it has. Resolves too when the client disconnects. */
  drained(): Promise<void> | undefined;
  /** Ends the response. Resolves when all is handed over, or the client has disconnected. */
  end(text?: string): Promise<void>;
}

/** Begins a response of 200 at once, so that the client sees its head before the first piece. */
export function openStream(response: ServerResponse, options: StreamOptions): TextStream {
  return new ResponseStream(response, options);
}

/** A stream over a response of Node. */
class ResponseStream implements TextStream {
  readonly #response: ServerResponse;
  readonly #stallTimeoutMs: number;
  readonly #record: AnswerRecord | undefined;
  readonly #disconnected = new AbortController();
  readonly #closed: Promise<void>;
  readonly #heartbeat: NodeJS.Timeout | undefined;
  #unsent = '';
  #waiting: Promise<void> | undefined;
  #stall: NodeJS.Timeout | undefined;

  constructor(response: ServerResponse, { contentType, heartbeat, stallTimeoutMs, goesOn }: StreamOptions) {
    this.#response = response;
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#record = goesOn ? answerRecordOf(response) : undefined;
    this.#heartbeat = heartbeat && setInterval(() => this.write(heartbeat.text), heartbeat.everyMs);
    this.#closed = new Promise((resolve) => {
      const onClose = (): void => resolve(this.#onClose());
      if (response.closed) onClose();
      else response.once('close', onClose);
    });
    if (response.closed) {
      if (!response.headersSent) response.setHeader('Content-Type', contentType); // for the record
      return;
    }
    response.writeHead(200, { 'Content-Type': contentType, 'X-Accel-Buffering': 'no' });
    response.flushHeaders();
  }

  get signal(): AbortSignal {
    return this.#disconnected.signal;
  }

  write(text: string): void {
    // A model's words come by the dozen. So the texts of one go leave in one piece.
    if (this.#unsent === '') queueMicrotask(() => this.#flush());
    this.#unsent += text;
  }

  drained(): Promise<void> | undefined {
    this.#flush();
    return this.#waiting;
  }

  async end(text = ''): Promise<void> {
    if (text !== '') this.write(text);
    this.#flush();
    clearInterval(this.#heartbeat);
    if (!this.signal.aborted) {
      this.#startStallTimer(); // a client that takes nothing does not delay the end for longer, either
      this.#response.end();
    } else this.#record?.finish();
    await this.#closed;
  }

  #flush(): void {
    const text = this.#unsent;
    this.#unsent = '';
    if (text === '' || this.#response.writableEnded) return;
    if (this.signal.aborted) {
      this.#record?.note(text);
      return;
    }
    this.#heartbeat?.refresh();
    if (!this.#response.write(text)) this.#waiting ??= this.#untilDrained();
  }

  async #untilDrained(): Promise<void> {
    this.#startStallTimer();
    await Promise.race([drainOf(this.#response), this.#closed]);
    clearTimeout(this.#stall);
    this.#stall = undefined;
    this.#waiting = undefined;
  }

  #startStallTimer(): void {
    this.#stall ??= setTimeout(() => this.#response.destroy(), this.#stallTimeoutMs);
  }

  #onClose(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#stall);
    if (!this.#response.writableEnded) this.#disconnected.abort(clientGone());
  }
}

/** A stream of server-sent events, with the heartbeat and the patience of the limits. */
export function openEventStream(
  response: ServerResponse,
  limits: { heartbeatIntervalMs: number; socketStallTimeoutMs: number },
  { goesOn = false }: Pick<StreamOptions, 'goesOn'> = {},
): TextStream {
  return openStream(response, {
    contentType: 'text/event-stream; charset=utf-8',
    heartbeat: { text: ':\n\n', everyMs: limits.heartbeatIntervalMs },
    stallTimeoutMs: limits.socketStallTimeoutMs,
    goesOn,
  });
}

/** Whether a client prefers events to one answer in JSON [RFC 9110 12.5.1]. */
export function wantsEvents(request: IncomingMessage): boolean {
  return new Negotiator(request).mediaType(['application/json', 'text/event-stream']) === 'text/event-stream';
}

/** Aborts when the client disconnects before it has its answer. */
export function goneSignal(response: ServerResponse): AbortSignal {
  const disconnected = new AbortController();
  const onClose = (): void => {
    if (!response.writableEnded) disconnected.abort(clientGone());
  };
  if (response.closed) onClose();
  else response.once('close', onClose);
  return disconnected.signal;
}

/** One server-sent event [HTML 9.2.6]. It always has a data line, because clients drop an event without one. */
export function sseEvent(data: string, event?: string): string {
  const name = event === undefined ? '' : `event: ${event}\n`;
  return `${name}data: ${data.replaceAll(/\r\n|\r|\n/g, '\ndata: ')}\n\n`;
}

function clientGone(): AppError {
  return new AppError('stopped', 'The client has disconnected.');
}

function drainOf(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve);
  });
}
