import { systemClock, type Cancel } from '../common/clock.ts';
import { ModelError } from '../errors.ts';

/** The time that a reply has, and the caller's wish to stop it. */
export interface Limit {
  /** Why the reply is given up: the caller's reason or a ModelError; undefined while it is not. */
  readonly over: unknown;
  /** Ms until the reply must be there. */
  leftMs(): number;
  /** From now on this controller is aborted when the reply is given up; at once when it is already. */
  attach(controller: AbortController): void;
  /** A piece arrived: the silence of a stream starts anew. */
  heard(): void;
  /** The reply is complete: the connection may take this long to end. */
  finish(graceMs: number): void;
  /** Stops all timers. */
  close(): void;
}

/** Starts the timers. The caller must close the limit. */
export function openLimit(signal: AbortSignal, timeoutMs: number, silenceTimeoutMs: number): Limit {
  return new ReplyLimit(signal, timeoutMs, silenceTimeoutMs);
}

class ReplyLimit implements Limit {
  readonly #signal: AbortSignal;
  readonly #end: number;
  readonly #silenceTimeoutMs: number;
  readonly #cancelTotal: Cancel;
  /** Not a timer of the clock: each piece of a stream refreshes it, and that costs less than a new one. */
  #silence: NodeJS.Timeout | undefined;
  #attached: AbortController | undefined;
  #over: unknown;
  readonly #stop = (): void => this.#giveUp(this.#signal.reason);

  constructor(signal: AbortSignal, timeoutMs: number, silenceTimeoutMs: number) {
    this.#signal = signal;
    this.#silenceTimeoutMs = silenceTimeoutMs;
    this.#end = systemClock.monotonicNow() + timeoutMs;
    this.#cancelTotal = systemClock.startTimer(timeoutMs, () =>
      this.#giveUp(tooSlow('did not finish its answer', timeoutMs)),
    );
    signal.addEventListener('abort', this.#stop, { once: true });
    if (signal.aborted) this.#stop();
  }

  get over(): unknown {
    return this.#over;
  }

  leftMs(): number {
    return this.#end - systemClock.monotonicNow();
  }

  attach(controller: AbortController): void {
    this.#attached = controller;
    if (this.#over !== undefined) controller.abort(this.#over);
  }

  /** The first piece starts the timer: until then only the deadline counts. */
  heard(): void {
    if (this.#silence) this.#silence.refresh();
    else this.#silence = setTimeout(() => this.#onSilence(), this.#silenceTimeoutMs);
  }

  /** Ends the connection without a reason in `over`, since the reply is complete. */
  finish(graceMs: number): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#attached?.abort(), graceMs);
  }

  close(): void {
    this.#cancelTotal();
    clearTimeout(this.#silence);
    this.#signal.removeEventListener('abort', this.#stop);
  }

  #onSilence(): void {
    this.#giveUp(tooSlow('stayed silent mid-stream', this.#silenceTimeoutMs));
  }

  #giveUp(reason: unknown): void {
    // The first reason counts: a stop after a time-out changes nothing.
    this.#over ??= reason;
    this.#attached?.abort(this.#over);
  }
}

function tooSlow(fault: string, ms: number): ModelError {
  return new ModelError(`the model endpoint ${fault} for ${ms / 1000} s; given up`);
}
