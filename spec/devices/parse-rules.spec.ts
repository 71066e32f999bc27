import { expect } from 'chai';
import { parseRules } from '../../lib/devices/parse-rules.ts';
import { AppError } from '../../lib/errors.ts';

/** The faults of rules, as `pointer: detail`. */
function faultsOf(value: unknown, where = ''): string[] {
  try {
    parseRules(value, where);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.code).to.equal('invalid_request');
    return error.faults.map(({ pointer, detail }) => `${pointer}: ${detail}`);
  }
  return [];
}

const call = (rule: object): string[] => faultsOf({ calls: [{ decision: 'deny', ...rule }] });
const limit = (entry: object): string[] => faultsOf({ limits: [entry] });

describe('reading rules', () => {
  it('takes every key of the contract', () => {
    const rules = {
      calls: [
        {
          tools: ['set_*', 'POST /door/*'],
          effect: 'write',
          risk: 'high',
          when: {
            a: { above: 1, below: 2, equals: 1.5, in: [1, 'x', null], matches: '^1' },
            '/b/0': { equals: null },
          },
          between: ['22:00', '06:00'],
          decision: 'ask',
          approvers: 'other',
          approvalTimeoutSeconds: 300,
        },
      ],
      limits: [
        { tools: ['set'], argument: 'a', min: 1, max: 1, maxStep: 0.5 },
        { maxCalls: 10, perSeconds: 60, minIntervalSeconds: 0.5 },
      ],
    };
    expect(parseRules(rules, '')).to.deep.equal(rules);
  });

  it('takes an empty file, and a part that is missing, as no rules', () => {
    for (const nothing of [null, undefined, {}])
      expect(parseRules(nothing, '')).to.deep.equal({ calls: [], limits: [] });
    expect(parseRules({ limits: [] }, '')).to.deep.equal({ calls: [], limits: [] });
  });

  it('names every fault at its place, in one message', () => {
    const value = {
      call: [],
      calls: [
        { tool: ['x'], decision: 'maybe' },
        'x',
        { between: ['22:00', '22:00'], when: { a: { over: 1 } } },
      ],
      limits: [{ argument: 'a', perSeconds: 0 }],
    };
    const faults = [
      '/rules/call: is not known; did you mean "calls"?',
      '/rules/calls/0/tool: is not known; did you mean "tools"?',
      '/rules/calls/0/decision: must be allow, ask, deny or dry_run',
      '/rules/calls/1: must be an object',
      '/rules/calls/2/decision: is missing: allow, ask, deny or dry_run',
      '/rules/calls/2/when/a/over: is not known; the keys here are above, below, equals, in, matches',
      '/rules/limits/0/perSeconds: must be a number of seconds, above 0',
      '/rules/calls/2/between: has the same time twice: leave it out for the whole day',
      '/rules/limits/0/argument: needs min, max or maxStep beside it',
      '/rules/limits/0/maxCalls: is missing: perSeconds needs it',
    ];
    expect(faultsOf(value, '/rules')).to.have.members(faults);
    expect(() => parseRules({ calls: 5, limits: null }, '/rules')).to.throw(
      'The rules cannot be used: /rules/calls must be a list of at most 1000 rules; /rules/limits must be a list of at most 1000 rules.',
    );
    expect(() => parseRules([], '')).to.throw(
      'The rules cannot be used: / must be an object with calls and limits.',
    );
  });

  describe('refuses in a rule of calls', () => {
    const rows: [string, object, string[]][] = [
      [
        'one tool without a list',
        { tools: 'set' },
        ['/calls/0/tools: must be a list of names or operations of tools, with * for any text'],
      ],
      [
        'an empty list of tools',
        { tools: [] },
        ['/calls/0/tools: must be a list of names or operations of tools, with * for any text'],
      ],
      [
        'tools that are null',
        { tools: null },
        ['/calls/0/tools: must be a list of names or operations of tools, with * for any text'],
      ],
      ['an empty name', { tools: [''] }, ['/calls/0/tools/0: must be a name or an operation of a tool']],
      [
        'an unknown effect',
        { effect: 'writes' },
        ['/calls/0/effect: must be read or write; did you mean "write"?'],
      ],
      ['an unknown risk', { risk: 'medium' }, ['/calls/0/risk: must be low, normal or high']],
      ['no conditions', { when: {} }, ['/calls/0/when: must be an object of conditions by argument']],
      [
        'no tests',
        { when: { a: {} } },
        ['/calls/0/when/a: must be at least one of above, below, equals, in and matches'],
      ],
      [
        'a condition that is a value',
        { when: { a: 5 } },
        ['/calls/0/when/a: must be at least one of above, below, equals, in and matches'],
      ],
      [
        'an empty name of an argument',
        { when: { '': { equals: 1 } } },
        ['/calls/0/when/: must be the name of an argument'],
      ],
      [
        'a pointer that is none',
        { when: { '/a~2': { equals: 1 } } },
        ['/calls/0/when/~1a~02: is no JSON pointer: "~" is written "~0" in one'],
      ],
      [
        'a bound that is a text',
        { when: { a: { above: '26' } } },
        ['/calls/0/when/a/above: must be a number'],
      ],
      [
        'a bound that is NaN',
        { when: { a: { above: Number.NaN } } },
        ['/calls/0/when/a/above: must be a number'],
      ],
      [
        'bounds that exclude each other',
        { when: { a: { above: 5, below: 5 } } },
        ['/calls/0/when/a: can never hold: above 5 and below 5'],
      ],
      ['an empty choice', { when: { a: { in: [] } } }, ['/calls/0/when/a/in: must be a list of values']],
      [
        'a pattern that is none',
        { when: { a: { matches: '(' } } },
        [
          '/calls/0/when/a/matches: is no regular expression, or one that takes too long: back references and look-behind are not taken',
        ],
      ],
      [
        'one time',
        { between: ['22:00'] },
        ['/calls/0/between: must be two local times, such as ["22:00", "06:00"]'],
      ],
      [
        'a time that is none',
        { between: ['22:00', '6:00'] },
        ['/calls/0/between/1: must be a time such as "06:00"'],
      ],
      [
        'a time after the end of the day',
        { between: ['24:01', '06:00'] },
        ['/calls/0/between/0: must be a time such as "06:00"'],
      ],
      [
        'a beginning at the end of the day',
        { between: ['24:00', '06:00'] },
        ['/calls/0/between: begins at 24:00: a beginning is written 00:00'],
      ],
      [
        'approvers of another decision',
        { approvers: 'admin' },
        ['/calls/0/approvers: belongs to "decision": "ask" only'],
      ],
      [
        'a time-out of another decision',
        { approvalTimeoutSeconds: 5 },
        ['/calls/0/approvalTimeoutSeconds: belongs to "decision": "ask" only'],
      ],
      [
        'unknown approvers',
        { decision: 'ask', approvers: 'others' },
        ['/calls/0/approvers: must be owner, other or admin; did you mean "other"?'],
      ],
      [
        'a time-out of nothing',
        { decision: 'ask', approvalTimeoutSeconds: 0 },
        ['/calls/0/approvalTimeoutSeconds: must be a number of seconds, above 0'],
      ],
    ];
    for (const [what, rule, faults] of rows) it(what, () => expect(call(rule)).to.deep.equal(faults));
  });

  describe('refuses in a limit', () => {
    const rows: [string, object, string[]][] = [
      [
        'no limit',
        { tools: ['set'] },
        [
          '/limits/0: limits nothing: give min, max, maxStep, maxCalls with perSeconds, or minIntervalSeconds',
        ],
      ],
      ['a range without an argument', { min: 1 }, ['/limits/0/argument: is missing: min needs it']],
      [
        'an argument without a range',
        { argument: 'a', minIntervalSeconds: 1 },
        ['/limits/0/argument: needs min, max or maxStep beside it'],
      ],
      [
        'a range that is empty',
        { argument: 'a', min: 5, max: 4 },
        ['/limits/0/min: is 5, above max, which is 4'],
      ],
      ['a step of nothing', { argument: 'a', maxStep: 0 }, ['/limits/0/maxStep: must be a number above 0']],
      ['a count without a time', { maxCalls: 5 }, ['/limits/0/perSeconds: is missing: maxCalls needs it']],
      ['a time without a count', { perSeconds: 5 }, ['/limits/0/maxCalls: is missing: perSeconds needs it']],
      [
        'half a call',
        { maxCalls: 0.5, perSeconds: 5 },
        ['/limits/0/maxCalls: must be a whole number from 1 to 1000000'],
      ],
      [
        'a key in other letters',
        { argument: 'a', maxstep: 5 },
        [
          '/limits/0/maxstep: is not known; did you mean "maxStep"?',
          '/limits/0/argument: needs min, max or maxStep beside it',
        ],
      ],
      [
        'a condition',
        { maxCalls: 1, perSeconds: 1, when: {} },
        [
          '/limits/0/when: is not known; the keys here are tools, argument, min, max, maxStep, maxCalls, perSeconds, minIntervalSeconds',
        ],
      ],
      [
        'a pointer that is none',
        { argument: '/a~', max: 1 },
        ['/limits/0/argument: is no JSON pointer: "~" is written "~0" in one'],
      ],
    ];
    for (const [what, entry, faults] of rows) it(what, () => expect(limit(entry)).to.deep.equal(faults));
  });

  it('refuses a time that is longer than the rows of the audit log are kept', () => {
    const limits = [{ maxCalls: 1, perSeconds: 86_401 }, { minIntervalSeconds: 86_400 }];
    expect(parseRules({ limits }, '')).to.deep.equal({ calls: [], limits });
    expect(() => parseRules({ limits }, '', { auditDays: 1 })).to.throw(
      'The rules cannot be used: /limits/0/perSeconds is longer than AUDIT_DAYS (1), after which calls are not counted: take at most 86400.',
    );
  });

  it('refuses another person as approver where there is none', () => {
    const rules = { calls: [{ decision: 'ask', approvers: 'other' }] };
    expect(parseRules(rules, '')).to.deep.equal({ ...rules, limits: [] });
    expect(() => parseRules(rules, '', { isAlone: true })).to.throw(
      'The rules cannot be used: /calls/0/approvers is other, but with AUTH=none there is nobody else: use owner, or set AUTH=required.',
    );
  });
});
