import { systemClock, type Clock } from '../../lib/common/clock.ts';

/** A clock whose time of day a spec moves. Its timers are those of the machine. */
export interface TestClock extends Clock {
  /** Ms that are added to the time of the machine. */
  skew: number;
  /** Holds the time of day, so that a slow machine changes nothing; only `skew` moves it. */
  hold(): void;
}

/** The machine's clock, or one whose time of day is what `now` says. */
export function createTestClock(now?: () => number): TestClock {
  let read = now ?? systemClock.now;
  const clock: TestClock = {
    ...systemClock,
    skew: 0,
    now: () => read() + clock.skew,
    hold() {
      const held = read();
      read = () => held;
    },
  };
  return clock;
}
