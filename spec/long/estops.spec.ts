import { expect } from 'chai';
import { runEstops } from '../support/estop-rounds.ts';

const ROUNDS = 50;
/** How many tasks write on each of three nodes when a stop comes. */
const TASKS = 8;

describe('an emergency stop under load, again and again', function () {
  this.timeout(1_200_000);

  it(`lets no write leave any of three nodes after its answer, in ${ROUNDS} rounds`, async () => {
    const { answerMs, lastByteMs, ...report } = await runEstops(ROUNDS, TASKS);
    expect(report).to.deep.equal({
      late: 0,
      repeated: 0,
      ends: { estop: ROUNDS * TASKS * 3 },
      refusals: { estop: ROUNDS * 3 },
      safeStates: ROUNDS,
    });
    expect([answerMs.length, lastByteMs.length]).to.deep.equal([ROUNDS, ROUNDS]);
  });
});
