import { AppError } from '../errors.ts';

/** Runs work, so many pieces at once; when too many wait already it rejects with `unavailable`. */
export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/** A gate that lets `atOnce` pieces of work through and `waitingMax` wait, in order. */
export function createGate(atOnce: number, waitingMax: number): Gate {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= atOnce) {
      if (waiting.length >= waitingMax)
        throw new AppError('unavailable', 'Too many are signing in at once; try again.', {
          retryAfterSeconds: 5,
        });
      await new Promise<void>((resolve) => waiting.push(resolve)); // whoever leaves hands its place over
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
