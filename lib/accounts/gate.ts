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
  const waiting: { since: number; enter: (inTime: boolean) => void }[] = [];
  let running = 0;

  /** A work that ends gives its place to the first one that has not waited too long. */
  function leave(): void {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const inTime = performance.now() - next.since <= waitMaxMs;
      next.enter(inTime);
      if (inTime) return;
    }
    running -= 1;
  }

  return async (work) => {
    if (running < atOnce) running += 1;
    else if (waiting.length >= waitingMaxCount) throw tooMany();
    else {
      const inTime = await new Promise<boolean>((enter) => waiting.push({ since: performance.now(), enter }));
      if (!inTime) throw tooMany();
    }
    try {
      return await work();
    } finally {
      leave();
    }
  };
}

function tooMany(): AppError {
  return new AppError('unavailable', 'Too many users are signing in at once; try again.', {
    retryAfterSeconds: 5,
  });
}
