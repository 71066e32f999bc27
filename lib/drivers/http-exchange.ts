import { once, setMaxListeners } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { OriginTurns } from '../common/origin-turns.ts';
import { AppError, messageOf, toError } from '../errors.ts';
import type { AnswerReader, HttpContext, HttpRequest, HttpResponse } from './http.ts';
import { STOOD_STILL } from './stood-still.ts';

/** Bytes read past the limit, to learn the size of a body that does not tell it and to keep the connection. */
const DRAIN_MAX_BYTES = 16 * 1024 * 1024;
/** A server ends its stream after the last word of an answer. One that does not loses the connection after this time. */
const ENDING_MAX_MS = 1000;
/** A reader that takes longer for one piece lets other work come between two pieces. */
const SLOW_MS = 2;
/** The reason of every abort that ends a wait: an abort without one makes an error with a stack, for each request. */
const OVER = new Error('The request is over');

const CODES: Record<string, string> = {
  UND_ERR_CONNECT_TIMEOUT: 'ETIMEDOUT',
  UND_ERR_SOCKET: 'ECONNRESET',
  EPIPE: 'ECONNRESET',
  UND_ERR_DESTROYED: 'unavailable',
  UND_ERR_CLOSED: 'unavailable',
  UND_ERR_INVALID_ARG: 'invalid_request',
  forbidden: 'EGRESS_DENIED',
};

/** The way of a request: the dispatcher that sends it, and its turn among the calls to its origin. */
export interface ExchangeWay {
  dispatcher: Dispatcher;
  turns: OriginTurns;
  maxBytes: number;
  reader?: AnswerReader | undefined;
}

/** Sends a request once, when it has its turn, and resolves with its outcome. */
export function exchangeOnce(
  { dispatcher, turns, maxBytes, reader }: ExchangeWay,
  request: HttpRequest,
  context: HttpContext,
): Promise<HttpResponse> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const finish = (response: HttpResponse): void => {
      resolve(response);
      over.abort(OVER);
    };
    const exchange = new Exchange(request, context, { maxBytes, reader }, finish);
    if (context.signal.aborted) {
      exchange.cancel();
      return;
    }
    exchange.waiting();
    const { method, origin, path, headers, body = null } = request;
    const send = async (): Promise<void> => {
      const options = { method, origin, path, headers, body, headersTimeout: 0, bodyTimeout: 0 };
      try {
        dispatcher.dispatch(options, exchange);
      } catch (error) {
        exchange.onResponseError(undefined, toError(error)); // else it would end as a time-out
      }
      if (!over.signal.aborted) await once(over.signal, 'abort');
    };
    const turn = { party: context.connection?.owner, signal: over.signal };
    void turns.take(origin, send, turn).catch(() => undefined); // it was over before its turn
  });
}

/**
 * The events of one request in undici, from the queue to the last byte.
 *
 * A request is `queued`, `sent` or `done`. The step from `queued` to `sent` decides the effect of a failure: a write that
 * was never sent surely did not change the device; a write that was sent may have changed it. `done` comes once, by the
 * end of the answer, by an error, by the time-out, or by the signal while the request is still queued.
 */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: HttpRequest;
  readonly #context: HttpContext;
  readonly #maxBytes: number;
  readonly #resolve: (response: HttpResponse) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #cancel = () => this.cancel();
  #controller: Dispatcher.DispatchController | undefined;
  #state: 'queued' | 'sent' | 'done' = 'queued';
  #statusCode: number | undefined;
  #headers: IncomingHttpHeaders = {};
  #chunks: Buffer[] = [];
  #keptBytes = 0;
  #byteCount = 0;
  readonly #reader: AnswerReader | undefined;
  /** Takes the bytes of this answer instead of keeping them. */
  #take: ReturnType<AnswerReader>;
  #ending: NodeJS.Timeout | undefined;

  constructor(
    request: HttpRequest,
    context: HttpContext,
    { maxBytes, reader }: { maxBytes: number; reader: AnswerReader | undefined },
    resolve: (response: HttpResponse) => void,
  ) {
    this.#request = request;
    this.#context = context;
    this.#maxBytes = maxBytes;
    this.#reader = reader;
    this.#resolve = resolve;
    this.#timer = setTimeout(() => this.#timeOut(), context.timeoutMs);
  }

  /** Still without a connection: from here on the signal may call it off. */
  waiting(): void {
    if (this.#state !== 'queued') return;
    const { signal } = this.#context;
    setMaxListeners(0, signal); // one signal may call off many calls
    signal.addEventListener('abort', this.#cancel, { once: true });
  }

  /** Ends a request that was not sent. */
  cancel(): void {
    this.#fail('cancelled', 'Stopped before it was sent');
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // undici may start a request again whose connection broke. A request that was sent once is not sent again from here.
    if (this.#state === 'sent') this.#fail('ECONNRESET', `${this.#request.origin}: the connection broke`);
    if (this.#state === 'queued' && this.#request.effect === 'write' && this.#context.mayLeave?.() === false)
      this.#fail('not_sent', STOOD_STILL);
    if (this.#state === 'done') {
      controller.abort(new Error('Called off'));
      return;
    }
    this.#controller = controller;
    this.#state = 'sent';
    this.#context.signal.removeEventListener('abort', this.#cancel);
  }

  onResponseStart(_: Dispatcher.DispatchController, statusCode: number, headers: IncomingHttpHeaders): void {
    if (statusCode < 200) return;
    this.#statusCode = statusCode;
    this.#headers = headers;
    this.#take = this.#reader?.({ statusCode, headers });
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#byteCount += chunk.length;
    if (this.#take) {
      if (this.#byteCount > this.#maxBytes) this.#cutOff({ bytes: this.#byteCount, atLeast: true });
      else if (this.#state !== 'done') this.#read(this.#take, chunk);
      return;
    }
    const room = this.#maxBytes - this.#keptBytes;
    if (room > 0) {
      const kept = chunk.length <= room ? chunk : chunk.subarray(0, room);
      this.#chunks.push(kept);
      this.#keptBytes += kept.length;
    }
    if (this.#byteCount <= this.#maxBytes) return;
    const announced = Number(this.#headers['content-length'] ?? Number.NaN);
    if (announced - this.#byteCount > DRAIN_MAX_BYTES) this.#cutOff({ bytes: announced, atLeast: false });
    else if (this.#byteCount > this.#maxBytes + DRAIN_MAX_BYTES)
      this.#cutOff({ bytes: this.#byteCount, atLeast: true });
  }

  onResponseEnd(): void {
    clearTimeout(this.#ending);
    this.#done({ size: { bytes: this.#byteCount, atLeast: false } });
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    clearTimeout(this.#ending);
    const own = (error as NodeJS.ErrnoException).code ?? 'EPROTO';
    const code = CODES[own] ?? (own.startsWith('HPE_') ? 'EPROTO' : own);
    // undici puts the socket's own words behind an empty or general message.
    const message = error instanceof AppError ? error.message : messageOf(error) || own;
    this.#fail(code, error instanceof AppError ? message : `${this.#request.origin}: ${message}`);
  }

  /** Ends the request when its time is over. */
  #timeOut(): void {
    const stage = this.#state === 'queued' ? 'could not be reached' : 'did not finish its answer';
    this.#fail(
      'ETIMEDOUT',
      `${this.#request.origin} ${stage} within ${Math.round(this.#context.timeoutMs)} ms`,
    );
    this.#controller?.abort(new Error('Time-out'));
  }

  /** Gives bytes to the reader. After slow ones other work comes first: undici reads on as long as there are bytes. */
  #read(take: NonNullable<ReturnType<AnswerReader>>, chunk: Buffer): void {
    const began = performance.now();
    take(chunk, () => this.#finish());
    if (performance.now() - began < SLOW_MS) return;
    this.#controller?.pause();
    setImmediate(() => this.#controller?.resume());
  }

  /** The answer is complete. The connection is kept when the server ends the stream soon. */
  #finish(): void {
    if (this.#state === 'done') return;
    this.#ending = setTimeout(() => this.#controller?.abort(new Error('Long enough')), ENDING_MAX_MS).unref();
    this.#done({ size: { bytes: this.#byteCount, atLeast: true } });
  }

  #cutOff(size: HttpResponse['size']): void {
    this.#done({ size });
    this.#controller?.abort(new Error('Long enough'));
  }

  #fail(code: string, message: string): void {
    const effect = this.#state === 'sent' && this.#request.effect === 'write' ? 'unknown' : 'none';
    this.#done({ size: { bytes: this.#byteCount, atLeast: true }, error: { code, message, effect } });
  }

  /** Resolves once, with everything that came. */
  #done(end: Pick<HttpResponse, 'size' | 'error'>): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    clearTimeout(this.#timer);
    this.#context.signal.removeEventListener('abort', this.#cancel);
    const [only] = this.#chunks;
    const bytes = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks);
    const status = this.#statusCode === undefined ? {} : { statusCode: this.#statusCode };
    this.#resolve({ ...status, headers: this.#headers, bytes, ...end });
  }
}
