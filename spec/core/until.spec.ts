import { expect } from 'chai';
import type { Message } from '../../lib/core/message.ts';
import type { EndReason, Subscriber } from '../../lib/core/session.ts';
import { until } from '../../lib/core/until.ts';
import { AppError } from '../../lib/errors.ts';
import { refusal } from '../support/refusal.ts';

const line = (seq: number): Message => ({ type: 'session_started', systemPrompt: '', seq, time: 0 });

/** A log that a spec writes, with its one subscriber. */
function openLog() {
  let subscriber: Subscriber | undefined;
  return {
    subscribe(one: Subscriber) {
      subscriber = one;
      return () => {
        subscriber = undefined;
      };
    },
    publish: (...seqs: number[]) => subscriber?.messages(seqs.map(line)),
    end: (reason: EndReason) => subscriber?.ended(reason),
    isSubscribed: () => subscriber !== undefined,
  };
}

describe('a wait for a line of a log', () => {
  const options = {
    find: ({ seq }: Message) => (seq >= 3 ? seq : undefined),
    onEnd: (reason: EndReason) => {
      throw new AppError('stopped', reason);
    },
  };

  it('ends with the first line that is found, and ends its subscription', async () => {
    const log = openLog();
    const { found } = until<number>({ ...options, subscribe: log.subscribe });
    void log.publish(1, 2);
    expect(log.isSubscribed()).to.equal(true);
    void log.publish(3, 4);
    expect(await found).to.equal(3);
    expect(log.isSubscribed()).to.equal(false);
  });

  it('rejects when the session ends, when the look at a line fails, and when it is told to', async () => {
    const ended = openLog();
    const first = until<number>({ ...options, subscribe: ended.subscribe });
    ended.end('removed');
    expect(await refusal(first.found)).to.equal('stopped');

    const broken = openLog();
    const second = until<number>({
      ...options,
      subscribe: broken.subscribe,
      find: () => {
        throw new AppError('internal', 'This line cannot be read.');
      },
    });
    void broken.publish(1);
    expect(await refusal(second.found)).to.equal('internal');

    const late = openLog();
    const third = until<number>({ ...options, subscribe: late.subscribe });
    third.fail(new AppError('timeout', 'Too late.'));
    expect(await refusal(third.found)).to.equal('timeout');
    expect([ended, broken, late].map((log) => log.isSubscribed())).to.deep.equal([false, false, false]);
  });
});
