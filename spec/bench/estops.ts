import { runEstops } from '../support/estop-rounds.ts';
import { median, table } from './table.ts';

const ROUNDS = 50;
const TASKS_A_NODE = 34;

/**
 * How long an emergency stop takes, from its request to the answer that nothing new can leave, and to the last write that left, while tasks on three nodes over one
 * PostgreSQL write all the time. The nodes share this process: the figure is an upper bound.
 */
export async function run(): Promise<void> {
  const { answerMs, lastByteMs, late, repeated } = await runEstops(ROUNDS, TASKS_A_NODE);
  console.log(
    table([
      {
        rounds: ROUNDS,
        'writing tasks': 3 * TASKS_A_NODE,
        'p50 ms to the answer': median(answerMs),
        'p99 ms to the answer': p99(answerMs),
        'p99 ms to the last byte': p99(lastByteMs),
        'writes after the answer': late,
        'writes twice': repeated,
      },
    ]),
  );
}

function p99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(0.99 * values.length) - 1]!;
}
