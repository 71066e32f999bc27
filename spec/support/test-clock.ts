import { systemClock, type Clock } from '../../lib/common/clock.ts';

/** A clock whose time of day a spec moves. Its timers are those of the machine. */
export interface TestClock extends Clock {
  /** Ms that are added to the time of the machine. */
  skew: number;
}

/** The machine's clock, or one whose time of day is what `now` says. */
export function createTestClock(now?: () => number): TestClock {
  const clock: TestClock = {
    ...systemClock,
    skew: 0,
    now: () => (now ?? systemClock.now)() + clock.skew,
  };
  return clock;
}
