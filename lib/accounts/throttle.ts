import { isIP } from 'node:net';
import { sql } from 'kysely';
import { AppError } from '../errors.ts';
import type { AccountsContext } from './context.ts';

/**
 * Slows down guessing: after so many failures in a row each further one costs a longer wait, whichever node hears of it.
 *
 * Own lines instead of rate-limiter-flexible: its stores want raw drivers and tables of their own beside the one connection
 * and the migrations here, count attempts where failures must be counted (a hundred right sign-ins at once are no attack),
 * and have one fixed delay.
 */
export interface Throttle {
  /**
   * Runs an attempt that is worth `key`. While as many run as may still fail, others wait; rejects with
   * `too_many_requests` and the seconds to wait while the key is blocked.
   */
  attempt<T>(key: string, run: () => Promise<Attempt<T>>): Promise<T | undefined>;
}

/** What an attempt came to; a failure gives nothing. */
export type Attempt<T> = { passed: true; value: T } | { passed: false };

export interface ThrottleOptions {
  /** Failures without any delay. */
  free: number;
  /** Whether a success makes good for the failures before it. */
  forgives: boolean;
  /** Told of a refused attempt. */
  onBlocked?: (key: string, seconds: number) => Promise<void>;
}

const FIRST_DELAY_MS = 1000;
const DOUBLINGS_MAX = 10;
const FORGET_MS = 24 * 3600_000;

/** The attempts on one key in this process. */
interface Lane {
  running: number;
  entering: number;
  /** How many have left: what was read before the last one did is old. */
  left: number;
  waiting: (() => void)[];
}

/** A throttle over the table of failures. Keys are stored as keyed digests: people type passwords where names belong. */
export function createThrottle(
  { db, clock, keys }: Pick<AccountsContext, 'db' | 'clock' | 'keys'>,
  { free, forgives, onBlocked }: ThrottleOptions,
): Throttle {
  const lanes = new Map<string, Lane>();

  async function failures(key: string): Promise<number> {
    const row = await db.selectFrom('failures').selectAll().where('key', '=', key).executeTakeFirst();
    if (!row || row.at < clock.now() - FORGET_MS) return 0;
    if (row.until > clock.now()) {
      const seconds = Math.ceil((row.until - clock.now()) / 1000);
      await onBlocked?.(key, seconds);
      throw new AppError('too_many_requests', 'Too many failed attempts; try again later.', {
        retryAfterSeconds: seconds,
      });
    }
    return row.count;
  }

  async function fail(key: string): Promise<void> {
    const at = clock.now();
    const row = await db
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
    if (row.count < free) return;
    const until = at + FIRST_DELAY_MS * 2 ** Math.min(row.count - free, DOUBLINGS_MAX);
    await db
      .updateTable('failures')
      .set({ until })
      .where('key', '=', key)
      .where('until', '<', until)
      .execute();
  }

  /** Waits until one more may run, so that a hundred guesses at once are no more than `free` ones. */
  async function enter(key: string): Promise<Lane> {
    const lane = lanes.get(key) ?? { running: 0, entering: 0, left: 0, waiting: [] };
    lanes.set(key, lane);
    lane.entering += 1;
    try {
      for (;;) {
        const { left } = lane;
        const failed = await failures(key);
        if (lane.left !== left) continue;
        if (lane.running === 0 || failed + lane.running < free) {
          lane.running += 1;
          return lane;
        }
        await new Promise<void>((resolve) => lane.waiting.push(resolve));
      }
    } finally {
      lane.entering -= 1;
      tidy(key, lane);
    }
  }

  function leave(key: string, lane: Lane): void {
    lane.running -= 1;
    lane.left += 1;
    for (const wake of lane.waiting.splice(0)) wake();
    tidy(key, lane);
  }

  function tidy(key: string, lane: Lane): void {
    if (lane.running + lane.entering === 0) lanes.delete(key);
  }

  return {
    async attempt(plain, run) {
      const key = keys.current.digest('failure', plain);
      const lane = await enter(key);
      try {
        const outcome = await run();
        if (!outcome.passed) await fail(key);
        else if (forgives) await db.deleteFrom('failures').where('key', '=', key).execute();
        return outcome.passed ? outcome.value : undefined;
      } finally {
        leave(key, lane);
      }
    },
  };
}

/** The network of an address: whoever has one IPv6 address has 2^64 of them. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const groups = head.split(':').filter(Boolean);
  if (tail !== undefined) {
    const rest = tail.split(':').filter(Boolean);
    // An IPv4 address at the end stands for two groups.
    const length = rest.length + Number(rest.at(-1)?.includes('.') ?? false);
    while (groups.length + length < 8) groups.push('0');
    groups.push(...rest);
  }
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${network.join(':')}::/64`;
}
