import { expect } from 'chai';
import { createBackgroundWork, type BackgroundWork } from '../../lib/common/background-work.ts';
import { waitFor } from '../support/wait-for.ts';
import { gate } from '../support/world.ts';

describe('background work', () => {
  const errors: unknown[] = [];
  let work: BackgroundWork;
  beforeEach(() => {
    errors.length = 0;
    work = createBackgroundWork((error) => errors.push(error));
  });

  /** Work that ends when its signal aborts, with the reason. */
  const untilStopped = (signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort);
    });

  it('runs one more time for all who ask while a run is under way', async () => {
    const first = gate();
    let runs = 0;
    const count = async (): Promise<void> => {
      runs += 1;
      if (runs === 1) await first.opened;
    };
    const all = [work.run('a', count), work.run('a', count), work.run('a', count)];
    expect([runs, work.isRunning('a')]).to.deep.equal([1, true]);
    first.open();
    await Promise.all(all);
    expect([runs, work.isRunning('a')]).to.deep.equal([2, false]);
  });

  it('runs different keys at the same time', async () => {
    const [a, b] = [gate(), gate()];
    const begun: string[] = [];
    const begin = (key: string, end: Promise<void>) =>
      work.run(key, () => {
        begun.push(key);
        return end;
      });
    const runs = [begin('a', a.opened), begin('b', b.opened)];
    expect(begun).to.deep.equal(['a', 'b']);
    a.open();
    b.open();
    await Promise.all(runs);
  });

  it('reports a failure, and the next run of the key begins', async () => {
    const failure = new Error('it failed');
    const failed = work.run('a', () => Promise.reject(failure));
    let again = false;
    const next = work.run('a', async () => void (again = true));
    await Promise.all([failed, next]);
    expect([errors, again]).to.deep.equal([[failure], true]);
  });

  it('stops the run of one key with a reason, and waits for its end', async () => {
    const [reason, other] = [new Error('stopped'), new Error('closed')];
    void work.run('a', untilStopped);
    void work.run('b', untilStopped);
    await work.stop('a', reason);
    expect([errors, work.isRunning('a'), work.isRunning('b')]).to.deep.equal([[reason], false, true]);
    await work.stop('unknown', reason);
    await work.close(other);
    expect(errors).to.deep.equal([reason, other]);
  });

  it('stops everything when it is closed, also a run that follows or comes later', async () => {
    const reason = new Error('closed');
    void work.run('a', untilStopped);
    void work.run('a', untilStopped);
    await work.close(reason);
    expect(errors).to.deep.equal([reason, reason]);
    void work.run('b', untilStopped);
    await waitFor(() => errors.length === 3);
    expect(work.isRunning('b')).to.equal(false);
  });
});
