import { AppError, toError } from '../errors.ts';

/** The turn of a work at a gate. */
export interface FairTurn {
  /** The user for whom the work is done. Without one it is the server's own work, which waits as long as it takes. */
  party?: string | undefined;
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
}

const SERVER = '';

/** So many times the works of all parties may wait where each new one is the only one of its party. */
const NEWCOMERS_SHARE = 10;

/** The limits of a gate. */
export interface FairGateOptions {
  /** The most works that run at once. Where it is two or more, one party never takes the last place, unless works are short. */
  atOnce: number;
  /** Each work takes a moment only, so that one party may take all places. */
  areShort?: boolean;
  /** Works of one party that wait. */
  waitingMaxCount: number;
  /** Works of all parties that wait. */
  allWaitingMaxCount: number;
  /** How long a work waits, in ms. */
  waitMaxMs: number;
  /** The name of the works in messages, for example `pictures`. */
  noun: string;
}

/** The limits of a gate that are settings. */
export type FairGateLimits = Omit<FairGateOptions, 'noun'>;

/**
 * Runs works, a limited number at once. The parties take turns, so that nobody waits for all works of another party. Rejects with
 * the signal's reason when it aborts before the work begins. A work of a party also rejects with `too_many_requests` when too many
 * of its works wait, and with `unavailable` when too many of all parties do or it has waited too long.
 */
export type FairGate = <T>(work: () => Promise<T>, turn?: FairTurn) => Promise<T>;

/** A gate at which nobody waits yet. A change of `options` counts from the next work on. */
export function createFairGate(options: Readonly<FairGateOptions>): FairGate {
  const queue = new FairQueue(options);
  return async (work, { party = SERVER, signal } = {}) => {
    await queue.enter(party, signal);
    try {
      return await work();
    } finally {
      queue.leave(party);
    }
  };
}

/** The works that wait, by party. The party at the head of the map has the next turn. */
class FairQueue {
  readonly #options: FairGateOptions;
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #running = new Map<string, number>();
  #runningCount = 0;
  #waitingCount = 0;

  constructor(options: FairGateOptions) {
    this.#options = options;
  }

  /** Resolves when a work of the party may begin. */
  async enter(party: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#mayRun(party)) return this.#begin(party);
    if (party !== SERVER) this.#checkCounts(party);
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      const begin = (): void => {
        settle();
        resolve();
      };
      const giveUp = (error: Error): void => {
        settle();
        this.#remove(party, begin);
        reject(error);
      };
      const abort = (): void => giveUp(toError(signal?.reason));
      const { waitMaxMs, noun } = this.#options;
      const timer = party === SERVER ? undefined : setTimeout(() => giveUp(tooMany(noun)), waitMaxMs);
      signal?.addEventListener('abort', abort, { once: true });
      const own = this.#waiting.get(party) ?? new Set();
      this.#waiting.set(party, own.add(begin));
      this.#waitingCount += 1;
    });
  }

  #checkCounts(party: string): void {
    const { waitingMaxCount, allWaitingMaxCount, noun } = this.#options;
    if ((this.#waiting.get(party)?.size ?? 0) >= waitingMaxCount)
      throw new AppError(
        'too_many_requests',
        `${waitingMaxCount} of your ${noun} wait already. Try again in a moment.`,
        { retryAfterSeconds: 5 },
      );
    // Many parties with many works each do not keep out one that has none yet.
    const most = this.#waiting.has(party) ? allWaitingMaxCount : NEWCOMERS_SHARE * allWaitingMaxCount;
    if (this.#waitingCount >= most) throw tooMany(noun);
  }

  /** A work of the party is over: the next one begins. */
  leave(party: string): void {
    const left = this.#running.get(party)! - 1;
    if (left > 0) this.#running.set(party, left);
    else this.#running.delete(party);
    this.#runningCount -= 1;
    for (const [next, works] of this.#waiting) {
      if (!this.#mayRun(next)) continue;
      const [begin] = works;
      this.#remove(next, begin!);
      if (works.size > 0) {
        this.#waiting.delete(next); // its next turn is after those of all others
        this.#waiting.set(next, works);
      }
      this.#begin(next);
      begin!();
      return;
    }
  }

  #mayRun(party: string): boolean {
    const { atOnce, areShort } = this.#options;
    const mostOfParty = areShort ? atOnce : Math.max(1, atOnce - 1);
    return this.#runningCount < atOnce && (this.#running.get(party) ?? 0) < mostOfParty;
  }

  #begin(party: string): void {
    this.#runningCount += 1;
    this.#running.set(party, (this.#running.get(party) ?? 0) + 1);
  }

  #remove(party: string, begin: () => void): void {
    const works = this.#waiting.get(party);
    if (!works?.delete(begin)) return;
    this.#waitingCount -= 1;
    if (works.size === 0) this.#waiting.delete(party);
  }
}

function tooMany(noun: string): AppError {
  return new AppError('unavailable', `Too many ${noun} wait. Try again in a moment.`, {
    retryAfterSeconds: 5,
  });
}
