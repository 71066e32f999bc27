import { parseRules } from '../../lib/devices/parse-rules.ts';
import { compileRules, type RuledCall } from '../../lib/devices/rules.ts';
import { median, table } from './table.ts';

const ROUNDS = 9;
const CALLS = 20_000;

/** What a decision costs: without rules, and under 20 rules of each form that all have to be looked at. */
export async function run(): Promise<void> {
  const rows = [0, 20, 200].map((count) => {
    const calls = Array.from({ length: count }, (_, at) => ({
      ...(at % 2 === 0 ? { tools: [`set_${at}_*`, 'POST /door/*'] } : { tools: ['set_*'] }),
      when:
        at % 3 === 0
          ? { target: { above: 26 }, mode: { in: ['heat', 'cool'] } }
          : { mode: { matches: '^off' } },
      ...(at % 5 === 0 && { between: ['22:00', '06:00'] }),
      decision: 'ask',
    }));
    const limits = Array.from({ length: count / 4 }, (_, at) => ({
      argument: 'target',
      min: 5 + at / 100,
      max: 30,
    }));
    const book = compileRules([{ of: 'device', rules: parseRules({ calls, limits }, '') }], 'Europe/Berlin');
    const call: RuledCall = {
      tool: 'set_target',
      operation: 'POST /heater/target',
      effect: 'write',
      risk: 'normal',
      arguments: { target: 21, mode: 'heat' },
    };
    const times = Array.from({ length: ROUNDS }, () => {
      const start = performance.now();
      for (let at = 0; at < CALLS; at += 1) {
        book.decide(call, new Date(1_800_000_000_000 + at * 10));
        book.argumentFault(call);
        book.steps(call);
        book.counts(call);
      }
      return ((performance.now() - start) / CALLS) * 1000;
    });
    return { rules: count, 'µs for each call': median(times) };
  });
  console.log(table(rows));
}
