import { systemClock, type Cancel, type Clock } from './clock.ts';

/** A job that runs again and again. */
export interface Periodic {
  /** Runs the job now, or resolves with the run that is under way. Never rejects: `onError` receives a failure. */
  run(): Promise<void>;
  /** Starts no further run, and resolves when the last one has ended. */
  stop(): Promise<void>;
}

/** A job, its pause and its clock. */
export interface PeriodicOptions {
  /** The pause between the end of one run and the start of the next, in ms. */
  pauseMs: number;
  work(): Promise<void>;
  onError(error: unknown): void;
  clock?: Clock;
}

/** Starts a job that runs after each pause until it is stopped. Runs never overlap, and a failed run does not end the job. */
export function startPeriodic({ pauseMs, work, onError, clock = systemClock }: PeriodicOptions): Periodic {
  let running: Promise<void> | undefined;
  let stopped = false;
  let cancel: Cancel = schedule();

  function schedule(): Cancel {
    return clock.startTimer(pauseMs, () => void run());
  }

  function run(): Promise<void> {
    running ??= runOnce();
    return running;
  }

  async function runOnce(): Promise<void> {
    cancel();
    try {
      await work();
    } catch (error) {
      onError(error);
    } finally {
      running = undefined;
      if (!stopped) cancel = schedule();
    }
  }

  return {
    run,
    async stop() {
      stopped = true;
      cancel();
      await running;
    },
  };
}
