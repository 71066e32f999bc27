import { AppError } from '../errors.ts';
import type { Message } from './message.ts';
import type { Subscriber } from './session.ts';

/** Follows a log from a number on. */
type Follow = (follower: Subscriber, after: number) => () => void;

/** The first line after number `after` that is looked for. Rejects with `unavailable` when it does not come within `withinMs`. */
export function arrivalOf<Line extends Message>(
  follow: Follow,
  after: number,
  isIt: (line: Message) => line is Line,
  withinMs: number,
): { line: Promise<Line>; give: () => void } {
  let leave = (): void => undefined;
  const line = new Promise<Line>((resolve, reject) => {
    const timer = setTimeout(() => fail("the session's node does not answer"), withinMs).unref();
    const finish = (): void => {
      clearTimeout(timer);
      leave();
    };
    const fail = (why: string): void => {
      finish();
      reject(new AppError('unavailable', `It is not sure yet that it was said: ${why}.`));
    };
    leave = follow(
      {
        messages(batch): void {
          const found = batch.find(isIt);
          if (!found) return;
          finish();
          resolve(found);
        },
        delta: () => undefined,
        ended: (reason) => fail(`the session ended (${reason})`),
      },
      after,
    );
  });
  line.catch(() => undefined); // nobody may be waiting any more
  return { line, give: () => leave() };
}
