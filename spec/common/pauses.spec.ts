import { expect } from 'chai';
import { createPauses } from '../../lib/common/pauses.ts';

/** Works for a while, as a parser of a slice does. */
function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('the pauses of long works', () => {
  it('hold the event loop for ten works at once as long as for one', async () => {
    const pieces = [0];
    const turn = (): void => {
      pieces.push(0);
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    const work = async (): Promise<void> => {
      const pause = createPauses();
      for (let piece = 0; piece < 6; piece += 1) {
        const paused = pause();
        if (paused) await paused;
        spin(6);
        pieces[pieces.length - 1]! += 1;
      }
    };
    await Promise.all(Array.from({ length: 10 }, work));
    clearImmediate(next);
    // Ten milliseconds are two pieces. The turn of a work may begin on either side of the turn that is counted.
    expect(Math.max(...pieces)).to.be.below(5);
    expect(pieces.reduce((sum, count) => sum + count)).to.equal(60);
  });

  it('let works that were paused take turns', async () => {
    const order: string[] = [];
    const work = async (name: string): Promise<void> => {
      const pause = createPauses();
      for (let piece = 0; piece < 3; piece += 1) {
        spin(11);
        await pause();
        order.push(name);
      }
    };
    await Promise.all([work('a'), work('b'), work('c')]);
    expect(order.join('')).to.equal('abcabcabc');
  });

  it('are none for a short work', () => {
    const pause = createPauses();
    expect(pause()).to.equal(undefined);
  });
});
