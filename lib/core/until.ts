import { toError } from '../errors.ts';
import type { Message } from './message.ts';
import type { Delta, EndReason, Subscriber } from './session.ts';

/** What `until` waits for. */
export interface UntilOptions<T> {
  /** Subscribes to the log: a session's or a feed's own `subscribe`. */
  subscribe(subscriber: Subscriber, after?: number): () => void;
  /** Lines after this number are looked at; only new ones when missing. */
  after?: number | undefined;
  /** The result, when this line is the last one that was needed. An error that it throws is the promise's. */
  find(line: Message): T | undefined;
  /** The result when the session ends before that; an error that it throws is the promise's. */
  onEnd(reason: EndReason): T;
  onDelta?: (delta: Delta) => void;
}

/** A wait for something in the log. */
export interface Until<T> {
  /** Settles once, and the subscription ends then. */
  readonly found: Promise<T>;
  /** Ends the wait with an error. Does nothing when it is over. */
  fail(error: unknown): void;
}

/** Follows a log until `find` gives a result. The subscription begins at once, so that no line after the call is missed. */
export function until<T>({ subscribe, after, find, onEnd, onDelta }: UntilOptions<T>): Until<T> {
  let unsubscribe = (): void => undefined;
  let fail = (_error: unknown): void => undefined;
  const found = new Promise<T>((resolve, reject) => {
    const settle = (result: () => T | undefined): boolean => {
      try {
        const value = result();
        if (value === undefined) return false;
        resolve(value);
      } catch (error) {
        reject(toError(error));
      }
      unsubscribe();
      return true;
    };
    fail = (error) =>
      void settle(() => {
        throw error;
      });
    const subscriber: Subscriber = {
      messages(lines) {
        for (const line of lines) if (settle(() => find(line))) return;
      },
      delta: (delta) => onDelta?.(delta),
      ended: (reason) => void settle(() => onEnd(reason)),
    };
    unsubscribe = subscribe(subscriber, after);
  });
  found.catch(() => undefined); // a caller that fails before it awaits must not make this an unhandled rejection
  return { found, fail };
}
