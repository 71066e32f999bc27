import { ModelError } from '../errors.ts';

/** The time a reply has, and the caller's wish to stop. */
export interface Limit {
  /** Why it is over: the caller's reason or a ModelError; undefined while it is not. */
  readonly over: unknown;
  /** Ms until the reply must be there. */
  leftMs(): number;
  /** From now on it is this controller that is aborted when it is over; at once when it is. */
  attach(controller: AbortController): void;
  /** Something came: a stream's silence starts anew. */
  heard(): void;
  /** All has come: only the connection's own end is waited for, this long. */
  finish(graceMs: number): void;
  close(): void;
}

/** Starts the clock; `close` must be called. */
export function openLimit(signal: AbortSignal, timeoutMs: number, silenceTimeoutMs: number): Limit {
  const end = performance.now() + timeoutMs;
  let attached: AbortController | undefined;
  let over: unknown;
  let silence: NodeJS.Timeout | undefined;
  const stop = () => {
    over ??= signal.reason;
    attached?.abort(over);
  };
  const late = (ms: number, what: string) => {
    over ??= new ModelError(`the model endpoint ${what} for ${ms / 1000} s; given up`);
    attached?.abort(over);
  };
  signal.addEventListener('abort', stop, { once: true });
  const total = setTimeout(late, timeoutMs, timeoutMs, 'did not finish its answer');
  return {
    get over() {
      return over;
    },
    leftMs: () => end - performance.now(),
    attach(controller) {
      attached = controller;
      if (over !== undefined) controller.abort(over);
    },
    heard() {
      if (silence === undefined)
        silence = setTimeout(late, silenceTimeoutMs, silenceTimeoutMs, 'stayed silent mid-stream');
      else silence.refresh();
    },
    finish(graceMs) {
      clearTimeout(silence);
      silence = setTimeout(() => attached?.abort(), graceMs);
    },
    close() {
      clearTimeout(total);
      clearTimeout(silence);
      signal.removeEventListener('abort', stop);
    },
  };
}
