import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { FirstRequests, GivenAnswer, RequestMark } from '../accounts/first-requests.ts';
import { createPauses } from '../common/pauses.ts';
import { jsonSlicesOf } from '../common/write-json-slices.ts';
import { AppError } from '../errors.ts';
import { statusOf, toAppError } from './status.ts';
import { recordAnswer } from './record-answer.ts';
import { goneSignal } from './stream.ts';

/*
 * A client repeats a request whose answer was lost. Work must not start twice then: a gate would open twice. So a request
 * that can start work has a mark, and only the first request of a mark is carried out; a repeat gets its answer.
 *
 *   Idempotency-Key: K           the mark is K; the same K with another body is refused
 *   x-stainless-retry-count: 0   no repeat: its mark is the digest of its content, and it counts as the first
 *   x-stainless-retry-count: n   a repeat of the last request that asked for the same
 *
 * The answer of the first request may never become known: its process died, or its client left in the middle of a stream that ends
 * with its client. Then a repeat is refused, because the work may have been done. A stream of a task that goes on without its client is
 * recorded to its end (record-answer.ts), and a repeat gets it.
 */

/** How long a key is known. */
const KEY_MS = 24 * 3600_000;
/** How long a request without a key may be repeated. */
const COUNTED_MS = 10 * 60_000;
/** How long a repeat waits for the answer of a first request that is under way. */
const WAIT_MS = 20_000;
/** The time between two looks for an answer that another node gives. */
const LOOK_EVERY_MS = 250;
const KEY_MAX_LENGTH = 255;

/** A checked request that can start work. */
export interface WorkRequest {
  request: IncomingMessage;
  response: ServerResponse;
  /** The id of the caller. */
  caller: string;
  /** The method and the path of the route, without the values of its parameters. */
  route: string;
  /** The path and the query as the client sent them. */
  target: string;
  body: unknown;
  /** See `Route.startsFrom`. */
  startsFrom?: (() => Promise<string>) | undefined;
}

interface Mark extends RequestMark {
  keepMs: number;
  /** The first request in any case. */
  renews: boolean;
}

/** Errors of work that had begun. */
const begun = new WeakSet<Error>();

/**
 * The same error, marked as the outcome of work that had begun. It is the answer of its request with any status: a repeat gets
 * the same error, and does not begin the work again.
 */
export function asOutcome(error: Error): Error {
  begun.add(error);
  return error;
}

/** Whether an error is the outcome of work that had begun. */
export function isOutcome(error: Error): boolean {
  return begun.has(error);
}

/** Waits for work that has begun: an error is its outcome. */
export async function sinceBegun<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asOutcome(toAppError(error)); // the answer is made of this very error
  }
}

/** Whether the client of a request repeats it under a key when it loses the answer. */
export function hasRepeatKey({ headers }: IncomingMessage): boolean {
  return headers['idempotency-key'] !== undefined;
}

/** Carries out the first request of a mark, and gives its repeats the same answer. */
export class Repeats {
  readonly #requests: FirstRequests;
  readonly #waitMs: number;
  /** Pending while this process carries out the first request of a mark. */
  readonly #running = new Map<string, Promise<void>>();

  constructor(requests: FirstRequests, waitMs = WAIT_MS) {
    this.#requests = requests;
    this.#waitMs = waitMs;
  }

  /**
   * Runs `work`, which writes the answer, unless the request is a repeat. Rejects with `invalid_request` for a bad key, and with
   * `conflict` for a key with another body and for a repeat of a request whose answer is not known.
   */
  async answer(asked: WorkRequest, work: () => Promise<void>): Promise<void> {
    const mark = await markOf(asked);
    if (!mark) return work();
    const known = await this.#requests.begin(mark, mark.keepMs, mark.renews);
    if ('attempt' in known) return this.#carryOut(mark, known.attempt, asked, work);
    if (known.digest !== mark.digest)
      throw new AppError('conflict', 'This Idempotency-Key belongs to another request: take a new key.');
    const answer = known.answer ?? (await this.#awaitAnswer(mark, goneSignal(asked.response)));
    if (answer === 'lost' && isHarmless(asked)) return work();
    if (answer === 'lost')
      throw new AppError(
        'conflict',
        'This request came before, and its answer is not known: the work may have been done. ' +
          'Look at its outcome before you send it again as a new request.',
      );
    give(asked.response, answer);
  }

  async #carryOut(mark: Mark, attempt: string, asked: WorkRequest, work: () => Promise<void>): Promise<void> {
    const { response } = asked;
    const place = placeOf(mark);
    const answered = recordAnswer(response);
    // A repeat waits in vain when the answer could not be kept, and is refused.
    const kept = answered.whole
      .then((answer) => this.#requests.finish(attempt, answer))
      .catch(() => undefined);
    this.#running.set(place, kept);
    void kept.then(() => this.#running.get(place) === kept && this.#running.delete(place));
    try {
      await work();
    } catch (error) {
      if (response.headersSent) answered.abandon(); // the answer is cut off
      else if (isRefusal(error) || isHarmless(asked)) await this.#requests.forget(attempt);
      throw error;
    }
    // A stream that ended with its client has no end.
    if (!response.writableEnded) answered.abandon();
  }

  /** The answer of a first request that is under way; lost when it does not become known in time. */
  async #awaitAnswer(mark: Mark, gone: AbortSignal): Promise<GivenAnswer | 'lost'> {
    const ended = AbortSignal.any([gone, AbortSignal.timeout(this.#waitMs)]);
    const running = this.#running.get(placeOf(mark));
    while (!ended.aborted) {
      const pause = delay(LOOK_EVERY_MS, undefined, { signal: ended }).catch(() => undefined);
      await (running ? Promise.race([running, pause]) : pause);
      const first = await this.#requests.find(mark);
      if (!first) break;
      if (first.answer) return first.answer;
    }
    return 'lost';
  }
}

/** The mark of a request; undefined for one whose repeats cannot be told. */
async function markOf({
  request,
  caller,
  route,
  target,
  body,
  startsFrom,
}: WorkRequest): Promise<Mark | undefined> {
  const { 'idempotency-key': key, 'x-stainless-retry-count': count } = request.headers;
  const place = `${request.method} ${target}`;
  if (typeof key === 'string') {
    if (key.length === 0 || key.length > KEY_MAX_LENGTH)
      throw new AppError('invalid_request', `The Idempotency-Key has 1 to ${KEY_MAX_LENGTH} characters.`);
    const digest = await digestOf(place, body);
    return { caller, key: `key ${hash(`${route}\n${key}`)}`, digest, keepMs: KEY_MS, renews: false };
  }
  if (typeof count !== 'string' || !/^\d{1,3}$/.test(count)) return undefined;
  const from = await startsFrom?.();
  const digest = await digestOf(from === undefined ? place : `${place} ${from}`, body);
  return { caller, key: `counted ${digest}`, digest, keepMs: COUNTED_MS, renews: Number(count) === 0 };
}

/** The digest of a place and a body. A large body does not hold the event loop. */
async function digestOf(place: string, body: unknown): Promise<string> {
  const digest = createHash('sha256').update(`${place}\n`);
  const pause = createPauses();
  for (const slice of body === undefined ? ['undefined'] : await jsonSlicesOf(body)) {
    digest.update(slice);
    await pause();
  }
  return digest.digest('base64');
}

function placeOf({ caller, key }: Mark): string {
  return `${caller}\n${key}`;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

/** Whether a repeat may be carried out after a first request whose outcome is not known: a removal is the same when it comes twice. */
function isHarmless({ request }: WorkRequest): boolean {
  return request.method === 'DELETE';
}

/**
 * Whether an error says that nothing was begun, so that a repeat may be carried out: the model's endpoint refused, say. `unavailable`
 * may come after a commit.
 */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof AppError) || begun.has(error)) return false;
  return statusOf(error.code) < 500 || error.code === 'model_error';
}

/** Gives a repeat the answer of the first request. */
function give(response: ServerResponse, { status, contentType, body }: GivenAnswer): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': bytes.length,
    'Idempotent-Replayed': 'true',
  });
  response.end(bytes);
}
