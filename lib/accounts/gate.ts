import pLimit from 'p-limit';
import { AppError } from '../errors.ts';

/** Runs a limited number of works at once; rejects with `unavailable` when too many wait, or a work has waited too long. */
export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/** The limits of a gate. */
export interface GateOptions {
  atOnce: number;
  waitingMaxCount: number;
  waitMaxMs: number;
}

/** A gate; works pass it in order. */
export function createGate({ atOnce, waitingMaxCount, waitMaxMs }: GateOptions): Gate {
  const limit = pLimit(atOnce);
  return async (work) => {
    if (limit.activeCount + limit.pendingCount >= atOnce + waitingMaxCount) throw tooMany();
    const waits = limit.activeCount >= atOnce;
    const since = performance.now();
    return limit(() => {
      if (waits && performance.now() - since > waitMaxMs) throw tooMany();
      return work();
    });
  };
}

function tooMany(): AppError {
  return new AppError(
    'unavailable',
    'Too many users are signing in or registering at once; try again in a moment.',
    {
      retryAfterSeconds: 5,
    },
  );
}
