import { runEstops } from '../support/estop-rounds.ts';
import { median, table } from './table.ts';

const ROUNDS = 20;
const TASKS_A_NODE = 12;

/**
 * How long an emergency stop takes, from its request to the answer that nothing new can leave, while tasks on three nodes over one
 * PostgreSQL write all the time. The nodes share this process: the figure is an upper bound.
 */
export async function run(): Promise<void> {
  const { answerMs, late, repeated } = await runEstops(ROUNDS, TASKS_A_NODE);
  const sorted = answerMs.toSorted((a, b) => a - b);
  console.log(
    table([
      {
        rounds: ROUNDS,
        'writing tasks': 3 * TASKS_A_NODE,
        'p50 ms': median(answerMs),
        'p99 ms': sorted[Math.ceil(0.99 * ROUNDS) - 1]!,
        'writes after the answer': late,
        'writes twice': repeated,
      },
    ]),
  );
}
