import type { ServerResponse } from 'node:http';
import { LRUCache } from 'lru-cache';
import { clientPlaceOf } from '../common/addresses.ts';
import { systemClock, type Clock } from '../common/clock.ts';
import type { Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import type { Tally } from './tally.ts';

/** Spends one request of a key. Undefined: it was spent. Else the budget is empty, and has one again after so many seconds. */
export type Budget = (key: string) => number | undefined;

/** With more keys, the one that was idle for the longest time is forgotten: its budget is full again. */
const KEYS_MAX_COUNT = 100_000;
const MINUTE_MS = 60_000;

/** A token bucket for each key: it holds the requests of one minute, and fills up evenly. */
export function createBudget(perMinute: number, clock: Clock = systemClock): Budget {
  const keys = new LRUCache<string, { left: number; at: number }>({ max: KEYS_MAX_COUNT });
  return (key) => {
    const now = clock.monotonicNow();
    const known = keys.get(key);
    if (!known) {
      keys.set(key, { left: perMinute - 1, at: now });
      return undefined;
    }
    known.left = Math.min(perMinute, known.left + ((now - known.at) / MINUTE_MS) * perMinute);
    known.at = now;
    if (known.left < 1) return Math.max(1, Math.ceil(((1 - known.left) / perMinute) * (MINUTE_MS / 1000)));
    known.left -= 1;
    return undefined;
  };
}

/** Spends requests of a key, one by one. Throws `too_many_requests` when the budget is empty. */
export function spend(budget: Budget, key: string, count = 1): void {
  for (let n = 0; n < count; n += 1) {
    const retryAfterSeconds = budget(key);
    if (retryAfterSeconds === undefined) continue;
    throw new AppError(
      'too_many_requests',
      `You have sent too many requests (REQUESTS_PER_MINUTE_MAX_COUNT). Try again in ${retryAfterSeconds} s.`,
      { retryAfterSeconds },
    );
  }
}

/**
 * Spends one request of a key, which counts as open until its answer is over. Throws `too_many_requests` when the budget is empty, or
 * the key has too many open.
 */
export function openRequest(
  { budget, requestTally }: { budget: Budget; requestTally: Tally },
  key: string,
  response: ServerResponse,
): void {
  spend(budget, key);
  const leave = requestTally(key);
  if (!leave)
    throw new AppError(
      'too_many_requests',
      'You have too many requests open (OPEN_REQUESTS_PER_CALLER_MAX_COUNT). Send this one when some have ended.',
    );
  if (response.closed) leave();
  else response.once('close', leave);
}

/** Whose budget it is: that of an account, or that of the place of an address. */
export function budgetKeyOf({ account, id }: Principal, address: string): string {
  return account ? id : `address ${clientPlaceOf(address)}`;
}
