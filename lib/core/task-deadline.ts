import type { Cancel, Clock } from '../common/clock.ts';

/** The deadline of a task. It does not run while a question of the task waits for its answer. */
export class TaskDeadline {
  readonly #clock: Clock;
  readonly #onPassed: () => void;
  #leftMs: number;
  #startedAt = 0;
  #pauses = 0;
  #cancel: Cancel | undefined;

  constructor(clock: Clock, timeoutMs: number, onPassed: () => void) {
    this.#clock = clock;
    this.#leftMs = timeoutMs;
    this.#onPassed = onPassed;
    this.#start();
  }

  pause(): void {
    this.#pauses += 1;
    if (this.#pauses > 1) return;
    this.#leftMs -= this.#clock.monotonicNow() - this.#startedAt;
    this.cancel();
  }

  resume(): void {
    this.#pauses -= 1;
    if (this.#pauses === 0) this.#start();
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #start(): void {
    this.#startedAt = this.#clock.monotonicNow();
    this.#cancel = this.#clock.startTimer(Math.max(0, this.#leftMs), this.#onPassed);
  }
}
