/*
 * Two counts work together. Failures are counted in the database, for all nodes. In this process, the attempts on one key
 * share a lane: when two more failures are allowed, at most two attempts run at once, and the others wait for their
 * outcome. Without the lane a hundred guesses at the same moment would all see the count before the first failure.
 */

import { sql } from 'kysely';
import { AppError } from '../errors.ts';
import type { AccountsContext } from './context.ts';

/**
 * Slows down guessing: after some failures in a row each further one costs a longer wait. All nodes count together.
 *
 * Own lines instead of rate-limiter-flexible: its stores want raw drivers and tables of their own beside the one connection
 * and the migrations here. They count attempts where failures must be counted (a hundred right sign-ins at once are no
 * attack), and they have one fixed delay.
 */
export interface Throttle {
  /**
   * Runs an attempt on `key`. At most as many attempts run at once as may still fail; the others wait. Rejects with
   * `too_many_requests` and the seconds to wait while the key is blocked.
   */
  attempt<T>(key: string, run: () => Promise<Attempt<T>>): Promise<T | undefined>;
  /** Runs work that counts as a failure in any case: the number of such works is limited. */
  count<T>(key: string, run: () => Promise<T>): Promise<T>;
}

/** The result of an attempt; a failure has no value. */
export type Attempt<T> = { passed: true; value: T } | { passed: false };

/** The rules of a throttle. */
export interface ThrottleOptions {
  /** So many failures cost no delay. */
  free: number;
  /** Whether a success removes the failures before it. */
  forgives: boolean;
}

/** The first delay; each further failure doubles it. */
const FIRST_DELAY_MS = 1000;
/** The longest delay is 1024 s. */
const DOUBLINGS_MAX = 10;
/** Older failures do not count. */
const FORGET_MS = 24 * 3600_000;

/** The attempts on one key in this process. */
interface Lane {
  running: number;
  entering: number;
  /** How many have left. A count of failures that was read before the last one left is old. */
  left: number;
  waiting: (() => void)[];
}

/** A throttle over the table of failures. Keys are stored as keyed digests: people type passwords in the place of names. */
export function createThrottle(context: ThrottleContext, options: ThrottleOptions): Throttle {
  return new StoredThrottle(context, options);
}

type ThrottleContext = Pick<AccountsContext, 'db' | 'clock' | 'keys'>;

/** A throttle: counts in the database, and lanes of this process. */
class StoredThrottle implements Throttle {
  readonly #context: ThrottleContext;
  readonly #options: ThrottleOptions;
  readonly #lanes = new Map<string, Lane>();

  constructor(context: ThrottleContext, options: ThrottleOptions) {
    this.#context = context;
    this.#options = options;
  }

  async attempt<T>(plain: string, run: () => Promise<Attempt<T>>): Promise<T | undefined> {
    const { db, keys } = this.#context;
    const key = keys.current.digest('failure', plain);
    const lane = await this.#enter(key);
    try {
      const outcome = await run();
      if (!outcome.passed) await this.#fail(key);
      else if (this.#options.forgives) await db.deleteFrom('failures').where('key', '=', key).execute();
      return outcome.passed ? outcome.value : undefined;
    } finally {
      this.#leave(key, lane);
    }
  }

  async count<T>(key: string, run: () => Promise<T>): Promise<T> {
    let outcome: Promise<T> | undefined;
    await this.attempt(key, async () => {
      outcome = run();
      await outcome.catch(() => undefined);
      return { passed: false };
    });
    return outcome!;
  }

  /** Waits until one more attempt may run, so that a hundred guesses at once are no more than `free` guesses. */
  async #enter(key: string): Promise<Lane> {
    const lane = this.#lanes.get(key) ?? { running: 0, entering: 0, left: 0, waiting: [] };
    this.#lanes.set(key, lane);
    lane.entering += 1;
    try {
      for (;;) {
        const { left } = lane;
        const failed = await this.#countFailures(key);
        if (lane.left !== left) continue;
        if (lane.running === 0 || failed + lane.running < this.#options.free) {
          lane.running += 1;
          return lane;
        }
        await new Promise<void>((resolve) => lane.waiting.push(resolve));
      }
    } finally {
      lane.entering -= 1;
      // One looks at a time: a thousand that wait would otherwise ask the database a thousand times for each that leaves.
      lane.waiting.shift()?.();
      this.#tidy(key, lane);
    }
  }

  /** Ends an attempt, and lets the next one look again. */
  #leave(key: string, lane: Lane): void {
    lane.running -= 1;
    lane.left += 1;
    lane.waiting.shift()?.();
    this.#tidy(key, lane);
  }

  /** Forgets a lane that nobody uses. */
  #tidy(key: string, lane: Lane): void {
    if (lane.running + lane.entering === 0) this.#lanes.delete(key);
  }

  /** The failures of a key; throws `too_many_requests` while the key is blocked. */
  async #countFailures(key: string): Promise<number> {
    const { db, clock } = this.#context;
    const row = await db.selectFrom('failures').selectAll().where('key', '=', key).executeTakeFirst();
    const now = clock.now();
    if (!row || row.at < now - FORGET_MS) return 0;
    if (row.until <= now) return row.count;
    throw new AppError('too_many_requests', 'Too many failed attempts; try again later.', {
      retryAfterSeconds: Math.ceil((row.until - now) / 1000),
    });
  }

  /** Counts a failure, and blocks the key after too many. */
  async #fail(key: string): Promise<void> {
    const { db, clock } = this.#context;
    const { free } = this.#options;
    const at = clock.now();
    const { count } = await db
      .insertInto('failures')
      .values({ key, count: 1, at, until: 0 })
      .onConflict((conflict) =>
        conflict.column('key').doUpdateSet(({ ref, eb }) => ({
          count: eb
            .case()
            .when('failures.at', '<', at - FORGET_MS)
            .then(1)
            .else(sql<number>`${ref('failures.count')} + 1`)
            .end(),
          at,
        })),
      )
      .returning('count')
      .executeTakeFirstOrThrow();
    if (count < free) return;
    const until = at + FIRST_DELAY_MS * 2 ** Math.min(count - free, DOUBLINGS_MAX);
    await db
      .updateTable('failures')
      .set({ until })
      .where('key', '=', key)
      .where('until', '<', until)
      .execute();
  }
}
