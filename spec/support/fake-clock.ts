import type { Clock } from '../../lib/common/clock.ts';
import { systemClock } from '../../lib/common/clock.ts';

/** A clock that a spec moves: no timer runs before `advance` has passed its time. Ids are random, as on a real clock. */
export interface FakeClock extends Clock {
  /** Moves the time, and runs every timer that is due on the way, in order. */
  advance(ms: number): void;
}

interface Timer {
  at: number;
  work: () => void;
}

/** A fake clock that starts at the present time. */
export function createFakeClock(start = Date.now()): FakeClock {
  let passed = 0;
  const timers = new Set<Timer>();
  const nextBefore = (end: number): Timer | undefined =>
    [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  return {
    now: () => start + passed,
    monotonicNow: () => passed,
    newId: () => systemClock.newId(),
    startTimer(ms, work) {
      const timer = { at: passed + ms, work };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      const end = passed + ms;
      for (let timer = nextBefore(end); timer; timer = nextBefore(end)) {
        timers.delete(timer);
        passed = timer.at;
        timer.work();
      }
      passed = end;
    },
  };
}
