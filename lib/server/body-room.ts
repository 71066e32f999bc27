import type { ServerResponse } from 'node:http';
import { AppError } from '../errors.ts';

/** So many bytes of each body are not counted: small requests are answered also while large ones fill the room. */
const FREE_BYTES = 64 * 1024;

/** The room of one body. */
export interface BodyShare {
  /** Takes room for more of the body. Throws `too_many_requests` or `unavailable` when there is none, and `stopped` when the client is gone. */
  take(bytes: number): void;
}

/**
 * The memory for the large bodies of requests, of all callers together. One caller has at most half of it with several bodies. A body
 * has its room until its answer is over.
 */
export class BodyRoom {
  readonly #maxBytes: number;
  readonly #byCaller = new Map<string, number>();
  #used = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Begins a body of a caller. */
  open(caller: string, response: ServerResponse): BodyShare {
    let size = 0;
    let counted = 0;
    const free = (): void => this.#add(caller, -counted);
    return {
      take: (bytes) => {
        if (response.closed) throw new AppError('stopped', 'The client has disconnected.');
        size += bytes;
        const more = Math.max(0, size - FREE_BYTES) - counted;
        if (more === 0) return;
        this.#check(caller, counted, more);
        if (counted === 0) response.once('close', free);
        counted += more;
        this.#add(caller, more);
      },
    };
  }

  #check(caller: string, own: number, more: number): void {
    const others = (this.#byCaller.get(caller) ?? 0) - own;
    if (others > 0 && others + own + more > this.#maxBytes / 2)
      throw new AppError(
        'too_many_requests',
        `Your large requests take ${others} bytes already (BODIES_MAX_BYTES). Send this one when they have ended.`,
        { retryAfterSeconds: 5 },
      );
    if (own + more > this.#maxBytes)
      throw new AppError(
        'too_large',
        `The body with all its values takes more than ${this.#maxBytes} bytes of memory (BODIES_MAX_BYTES). Send it in parts.`,
      );
    if (this.#used + more > this.#maxBytes)
      throw new AppError(
        'unavailable',
        'The server reads too many large requests at once (BODIES_MAX_BYTES). Try again in a moment.',
        { retryAfterSeconds: 5 },
      );
  }

  #add(caller: string, bytes: number): void {
    this.#used += bytes;
    const left = (this.#byCaller.get(caller) ?? 0) + bytes;
    if (left > 0) this.#byCaller.set(caller, left);
    else this.#byCaller.delete(caller);
  }
}
