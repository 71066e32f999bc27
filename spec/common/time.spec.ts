import { expect } from 'chai';
import { sleep, unlessAborted, withDeadline } from '../../lib/common/deadline.ts';
import { startPeriodic } from '../../lib/common/periodic.ts';
import { AppError } from '../../lib/errors.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { refusal, rejection } from '../support/refusal.ts';
import { waitFor } from '../support/wait-for.ts';
import { gate } from '../support/world.ts';

describe('a periodic job', () => {
  it('runs after each pause, never beside itself, and goes on after a failure', async () => {
    const clock = createFakeClock();
    const failures: unknown[] = [];
    const ends = [gate(), gate()];
    let runs = 0;
    const job = startPeriodic({
      pauseMs: 100,
      async work() {
        runs += 1;
        await ends[runs - 1]?.opened;
        if (runs === 1) throw new Error('the first run fails');
      },
      onError: (error) => failures.push(error),
      clock,
    });
    clock.advance(99);
    expect(runs).to.equal(0);
    clock.advance(1);
    expect(runs).to.equal(1);
    clock.advance(500);
    expect(runs).to.equal(1);
    ends[0]!.open();
    await waitFor(() => failures.length === 1);
    clock.advance(100);
    expect(runs).to.equal(2);
    ends[1]!.open();
    await job.stop();
    clock.advance(1000);
    expect([runs, failures.map(String)]).to.deep.equal([2, ['Error: the first run fails']]);
  });

  it('runs at once when it is asked to, and counts the pause from there', async () => {
    const clock = createFakeClock();
    let runs = 0;
    const job = startPeriodic({
      pauseMs: 100,
      work: async () => void (runs += 1),
      onError: () => undefined,
      clock,
    });
    clock.advance(60);
    await job.run();
    clock.advance(60);
    expect(runs).to.equal(1);
    clock.advance(40);
    expect(runs).to.equal(2);
    await job.stop();
  });
});

describe('a wait', () => {
  it('ends after its time, or with the reason of its signal', async () => {
    const clock = createFakeClock();
    const slept = sleep(50, undefined, clock);
    clock.advance(50);
    await slept;
    const stop = new AbortController();
    const stopped = sleep(50, stop.signal, clock);
    stop.abort(new AppError('stopped', 'Stopped.'));
    expect(await refusal(stopped)).to.equal('stopped');
    expect(await refusal(sleep(50, stop.signal, clock))).to.equal('stopped');
  });

  it('for other work ends with an error at its deadline or its signal, and the work goes on', async () => {
    const clock = createFakeClock();
    const work = gate();
    const late = withDeadline(work.opened, 50, () => new AppError('timeout', 'Late.'), clock);
    clock.advance(50);
    expect(await refusal(late)).to.equal('timeout');
    const stop = new AbortController();
    const stopped = unlessAborted(work.opened, stop.signal);
    stop.abort(new Error('enough'));
    expect(String(await rejection(stopped))).to.equal('Error: enough');
    work.open();
    await work.opened;
    expect(await withDeadline(Promise.resolve(1), 50, () => new Error('late'), clock)).to.equal(1);
  });
});
