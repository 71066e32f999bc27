import { v4, v5 } from 'uuid';

/** Takes back what a call began. */
export type Cancel = () => void;

/**
 * Time and ids, so that a spec can decide both.
 *
 * Contract: a timer keeps no process alive, and is never called after it was cancelled.
 */
export interface Clock {
  /** The time of day, in ms since the epoch. It may jump. */
  now(): number;
  /** Ms on a clock that never jumps; for durations. */
  monotonicNow(): number;
  /** Calls `work` once, after `ms`. */
  startTimer(ms: number, work: () => void): Cancel;
  /** A new random id [RFC 9562 5.4]. */
  newId(): string;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicNow: () => performance.now(),
  startTimer(ms, work) {
    const timer = setTimeout(work, ms).unref();
    return () => clearTimeout(timer);
  },
  newId: () => v4(),
};

/** The same id for the same name in a namespace [RFC 9562 5.5]. */
export function idFromName(name: string, namespace: string): string {
  return v5(name, namespace);
}
