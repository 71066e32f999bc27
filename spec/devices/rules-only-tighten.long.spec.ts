import { expect } from 'chai';
import fc from 'fast-check';
import { parseRules } from '../../lib/devices/parse-rules.ts';
import { approverKinds, ruleAnswers } from '../../lib/devices/rule-schema.ts';
import { compileRules, type RuledCall, type RuleDecision } from '../../lib/devices/rules.ts';

const names = ['set', 'get', 'POST /set', 'g*', '*t', '*'];
const values = fc.constantFrom(1, 5, 9, '5', 'x', null, [5], 2n ** 60n, true);

const test = fc.oneof(
  fc.record({ above: fc.constantFrom(0, 5) }),
  fc.record({ below: fc.constantFrom(5, 9) }),
  fc.record({ equals: fc.constantFrom(5, 'x', true) }),
  fc.record({ in: fc.constantFrom([1, 'x'], [9]) }),
  fc.record({ matches: fc.constantFrom('^5', 'x$') }),
);
const rule = fc
  .record(
    {
      tools: fc.subarray(names, { minLength: 1 }),
      effect: fc.constantFrom('read', 'write'),
      risk: fc.constantFrom('low', 'normal', 'high'),
      when: fc.dictionary(fc.constantFrom('a', '/b/c'), test, { minKeys: 1 }),
      between: fc.constantFrom(['22:00', '06:00'], ['08:00', '18:00']),
      decision: fc.constantFrom(...ruleAnswers),
      approvers: fc.constantFrom(...approverKinds),
      approvalTimeoutSeconds: fc.constantFrom(10, 1000),
    },
    { requiredKeys: ['decision'] },
  )
  .map(({ approvers, approvalTimeoutSeconds, ...rest }) =>
    rest.decision === 'ask'
      ? {
          ...rest,
          ...(approvers && { approvers }),
          ...(approvalTimeoutSeconds && { approvalTimeoutSeconds }),
        }
      : rest,
  );
const list = fc.array(rule, { maxLength: 4 }).map((calls) => parseRules({ calls }, ''));
const call: fc.Arbitrary<RuledCall> = fc.record({
  tool: fc.constantFrom('set', 'get'),
  operation: fc.constantFrom('POST /set', 'GET /get'),
  effect: fc.constantFrom('read', 'write'),
  risk: fc.constantFrom('low', 'normal', 'high'),
  arguments: fc.record(
    { a: values, b: fc.record({ c: values }, { requiredKeys: [] }) },
    { requiredKeys: [] },
  ),
});
const moment = fc.constantFrom('2026-01-15T12:00:00Z', '2026-01-15T23:00:00Z').map((text) => new Date(text));

/** Whether a decision lets through at most the calls that another one does, with at least its terms. */
function isAsStrict(strict: RuleDecision, mild: RuleDecision): boolean {
  const rank = ({ decision }: RuleDecision): number => ruleAnswers.indexOf(decision);
  if (mild.isDryRun && !strict.isDryRun) return false;
  if (rank(strict) !== rank(mild)) return rank(strict) > rank(mild);
  if (strict.decision !== 'ask') return true;
  return (
    approverKinds.indexOf(strict.approvers) >= approverKinds.indexOf(mild.approvers) &&
    (strict.needsAnother || !mild.needsAnother) &&
    strict.approvalTimeoutSeconds <= mild.approvalTimeoutSeconds
  );
}

describe('a further list of rules', () => {
  it('of a session never allows more', () => {
    fc.assert(
      fc.property(list, list, list, call, moment, (server, device, session, asked, now) => {
        const sources = [
          { of: 'server' as const, rules: server },
          { of: 'device' as const, rules: device },
        ];
        const before = compileRules(sources, 'UTC').decide(asked, now);
        const after = compileRules([...sources, { of: 'session', rules: session }], 'UTC').decide(asked, now);
        expect(isAsStrict(after, before), `${before.rule} → ${after.rule}`).to.equal(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('of a device never allows more, but for a call of high risk that it names', () => {
    fc.assert(
      fc.property(list, list, call, moment, (server, device, asked, now) => {
        fc.pre(asked.risk !== 'high');
        const before = compileRules([{ of: 'server', rules: server }], 'UTC').decide(asked, now);
        const both = [
          { of: 'server' as const, rules: server },
          { of: 'device' as const, rules: device },
        ];
        expect(isAsStrict(compileRules(both, 'UTC').decide(asked, now), before)).to.equal(true);
      }),
      { numRuns: 3000 },
    );
  });
});
