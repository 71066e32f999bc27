import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { parseRules } from '../../lib/devices/parse-rules.ts';
import type { RuleSource } from '../../lib/devices/rule-words.ts';
import { compileRules, type RuledCall, type RuleBook } from '../../lib/devices/rules.ts';

/** A book of the lists that are given, by their owner. */
function bookOf(lists: Partial<Record<RuleSource, JsonObject>>, timeZone = 'UTC'): RuleBook {
  const sources = Object.entries(lists).map(([of, rules]) => ({
    of: of as RuleSource,
    rules: parseRules(rules, '/rules'),
  }));
  return compileRules(sources, timeZone);
}

/** A write of a heater, changed by `changes`. */
function callOf(changes: Partial<RuledCall> = {}): RuledCall {
  return {
    tool: 'set_target',
    operation: 'POST /heater/target',
    effect: 'write',
    risk: 'normal',
    arguments: { target: 21 },
    ...changes,
  };
}

const noon = new Date('2026-01-15T12:00:00Z');
const decisionOf = (rules: JsonObject, call: Partial<RuledCall> = {}, now = noon): string =>
  bookOf({ device: rules }).decide(callOf(call), now).decision;
/** The decision under one rule that denies. */
const under = (rule: JsonObject, call: Partial<RuledCall> = {}, now = noon): string =>
  decisionOf({ calls: [{ decision: 'deny', ...rule }] }, call, now);
/** The decision for a value of `target` under a rule that denies by a test of it. */
const tested = (test: JsonObject, target: RuledCall['arguments'][string]): string =>
  under({ when: { target: test } }, { arguments: target === undefined ? {} : { target } });

describe('rules', () => {
  it('allow reads and writes where there are none', () => {
    const allowed = {
      decision: 'allow',
      rule: 'No rule is about this call.',
      facts: [],
      isDryRun: false,
      approvers: 'owner',
      needsAnother: false,
      approvalTimeoutSeconds: 300,
    };
    expect(bookOf({}).decide(callOf(), noon)).to.deep.equal(allowed);
    expect(bookOf({ device: {} }).decide(callOf({ effect: 'read' }), noon)).to.deep.equal(allowed);
  });

  it('give their answer with its terms and the rule in words', () => {
    const rule = {
      tools: ['set_*', 'POST /door/*'],
      effect: 'write',
      when: { target: { above: 26, below: 30 }, '/zone/name': { in: ['hall', 'attic'] } },
      between: ['22:00', '06:00'],
      decision: 'ask',
      approvers: 'other',
      approvalTimeoutSeconds: 60,
    };
    const call = callOf({ arguments: { target: 27, zone: { name: 'hall' } } });
    const decided = bookOf({ device: { calls: [rule] } }).decide(call, new Date('2026-01-15T23:00:00Z'));
    expect(decided).to.deep.equal({
      decision: 'ask',
      rule: 'Rule 1 of the device: ask before writes of set_* or POST /door/*, when target is above 26 and is below 30 and /zone/name is one of "hall" or "attic", between 22:00 and 06:00.',
      facts: [{ of: 'device', list: 'calls', number: 1, rule }],
      isDryRun: false,
      approvers: 'other',
      needsAnother: true,
      approvalTimeoutSeconds: 60,
    });
  });

  describe('choose calls', () => {
    const rows: [string, JsonObject, Partial<RuledCall>, string][] = [
      ['by name', { tools: ['set_target'] }, {}, 'deny'],
      ['by another name', { tools: ['set_targe'] }, {}, 'allow'],
      ['by a name in other letters', { tools: ['SET_TARGET'] }, {}, 'allow'],
      ['by operation', { tools: ['POST /heater/target'] }, {}, 'deny'],
      ['by one of several names', { tools: ['x', 'set_target'] }, {}, 'deny'],
      ['by a beginning', { tools: ['set_*'] }, {}, 'deny'],
      ['by an end', { tools: ['*_target'] }, {}, 'deny'],
      ['by a middle', { tools: ['s*t_t*t'] }, {}, 'deny'],
      ['by parts that would have to overlap', { tools: ['set_target*get'] }, {}, 'allow'],
      ['by parts in another order', { tools: ['*target*set*'] }, {}, 'allow'],
      ['by an operation with slashes', { tools: ['POST /h*'] }, {}, 'deny'],
      ['by any text', { tools: ['*'] }, {}, 'deny'],
      ['by several stars', { tools: ['**'] }, {}, 'deny'],
      ['with signs that mean nothing', { tools: ['set.target'] }, {}, 'allow'],
      ['by effect', { effect: 'write' }, {}, 'deny'],
      ['by another effect', { effect: 'read' }, {}, 'allow'],
      ['by risk', { risk: 'low' }, { risk: 'low' }, 'deny'],
      ['by another risk', { risk: 'low' }, {}, 'allow'],
      ['by all of them', { tools: ['set_*'], effect: 'write', risk: 'normal' }, {}, 'deny'],
      ['by all of them but one', { tools: ['set_*'], effect: 'read', risk: 'normal' }, {}, 'allow'],
      ['by nothing', {}, { effect: 'read' }, 'deny'],
    ];
    for (const [how, rule, call, decision] of rows)
      it(how, () => expect(under(rule, call)).to.equal(decision));
  });

  describe('test arguments', () => {
    const big = 2n ** 60n;
    const rows: [string, JsonObject, RuledCall['arguments'][string], string][] = [
      ['above', { above: 26 }, 26.5, 'deny'],
      ['above, the bound itself', { above: 26 }, 26, 'allow'],
      ['above, digits in a text', { above: 26 }, '27', 'deny'],
      ['above, digits in a text with an exponent', { above: 26 }, ' 2.7e1 ', 'deny'],
      ['above, a text', { above: 26 }, 'hot', 'deny'],
      ['above, an empty text', { above: 26 }, '', 'deny'],
      ['above, a number in hex', { above: 26 }, '0x1', 'deny'],
      ['above, null', { above: 26 }, null, 'deny'],
      ['above, a list', { above: 26 }, [27], 'deny'],
      ['above, NaN', { above: 26 }, Number.NaN, 'deny'],
      ['above, an infinite number', { above: 26 }, Infinity, 'deny'],
      ['above, nothing', { above: 26 }, undefined, 'allow'],
      ['above, a large whole number', { above: 26 }, big, 'deny'],
      ['above, a large whole number in a text', { above: 2 ** 60 }, String(big + 1n), 'deny'],
      ['above, a large negative number', { above: 26 }, -big, 'allow'],
      ['below', { below: 16 }, 15.9, 'deny'],
      ['below, the bound itself', { below: 16 }, 16, 'allow'],
      ['above and below', { above: 10, below: 20 }, 15, 'deny'],
      ['above and below, outside', { above: 10, below: 20 }, 20, 'allow'],
      ['equals a number', { equals: 21 }, 21, 'deny'],
      ['equals a number, digits in a text', { equals: 21 }, '21.0', 'deny'],
      ['equals a number, a large one', { equals: 2 ** 60 }, big, 'deny'],
      ['equals a text', { equals: 'heat' }, 'heat', 'deny'],
      ['equals a text, other letters', { equals: 'heat' }, 'Heat', 'allow'],
      ['equals true', { equals: true }, true, 'deny'],
      ['equals true, in a text', { equals: true }, 'true', 'deny'],
      ['equals true, a list of it', { equals: true }, ['true'], 'allow'],
      ['equals true, the number 1', { equals: true }, 1, 'allow'],
      ['equals null', { equals: null }, null, 'deny'],
      ['equals null, nothing', { equals: null }, undefined, 'allow'],
      ['equals an object', { equals: { a: [1, { b: 2 }] } }, { a: [1, { b: '2' }] }, 'deny'],
      ['equals an object with more', { equals: { a: 1 } }, { a: 1, b: 2 }, 'allow'],
      ['equals an object, a list', { equals: { a: 1 } }, [1], 'allow'],
      ['equals a list', { equals: [1, 2] }, [1, 2], 'deny'],
      ['equals a list with more', { equals: [1, 2] }, [1, 2, 3], 'allow'],
      ['in', { in: ['heat', 5] }, 5, 'deny'],
      ['in, another', { in: ['heat', 5] }, 6, 'allow'],
      ['matches', { matches: '^he' }, 'heat', 'deny'],
      ['matches, another', { matches: '^he' }, 'cool', 'allow'],
      ['matches a number', { matches: '^2\\d$' }, 21, 'deny'],
      ['matches a large number', { matches: '^\\d+$' }, big, 'deny'],
      ['matches, an object', { matches: '^he' }, { mode: 'heat' }, 'deny'],
      ['matches, a text too long for its pattern', { matches: '(a|b){1,400}c$' }, 'a'.repeat(1e6), 'deny'],
      ['two tests, one holds', { above: 10, equals: 12 }, 13, 'allow'],
    ];
    for (const [what, test, value, decision] of rows)
      it(what, () => expect(tested(test, value)).to.equal(decision));
  });

  describe('find arguments', () => {
    const args = { zone: { limits: [1, 30], 'a/b': 30 }, '/odd': 30, 'a.b': 30 };
    const rows: [string, string, string][] = [
      ['by a pointer', '/zone/limits/1', 'deny'],
      ['by a pointer with a sign of its own', '/zone/a~1b', 'deny'],
      ['by a pointer to a name that begins with a slash', '/~1odd', 'deny'],
      ['by a name with a dot', 'a.b', 'deny'],
      ['that are not there', '/zone/limits/2', 'allow'],
      ['that every object inherits', '/zone/constructor', 'allow'],
      ['whose name every object inherits', 'toString', 'allow'],
    ];
    for (const [how, name, decision] of rows)
      it(how, () =>
        expect(under({ when: { [name]: { above: 26 } } }, { arguments: args })).to.equal(decision),
      );

    it('all of which must hold', () => {
      const when = { target: { above: 26 }, mode: { equals: 'heat' } };
      expect(under({ when }, { arguments: { target: 27, mode: 'heat' } })).to.equal('deny');
      expect(under({ when }, { arguments: { target: 27, mode: 'cool' } })).to.equal('allow');
      expect(under({ when }, { arguments: { target: 27 } })).to.equal('allow');
    });
  });

  describe('keep times', () => {
    const at = (between: string[], zone: string, time: string): string =>
      bookOf({ device: { calls: [{ between, decision: 'deny' }] } }, zone).decide(callOf(), new Date(time))
        .decision;
    const rows: [string, string[], string, string, string][] = [
      ['from the first minute', ['08:00', '18:00'], 'UTC', '2026-01-15T08:00:00Z', 'deny'],
      ['not before', ['08:00', '18:00'], 'UTC', '2026-01-15T07:59:59Z', 'allow'],
      ['up to the second time', ['08:00', '18:00'], 'UTC', '2026-01-15T17:59:59Z', 'deny'],
      ['not at it', ['08:00', '18:00'], 'UTC', '2026-01-15T18:00:00Z', 'allow'],
      ['across midnight, before', ['22:00', '06:00'], 'UTC', '2026-01-15T23:59:59Z', 'deny'],
      ['across midnight, after', ['22:00', '06:00'], 'UTC', '2026-01-16T00:00:00Z', 'deny'],
      ['across midnight, outside', ['22:00', '06:00'], 'UTC', '2026-01-16T06:00:00Z', 'allow'],
      ['to the end of the day', ['22:00', '24:00'], 'UTC', '2026-01-15T23:59:59Z', 'deny'],
      ['to the end of the day, not longer', ['22:00', '24:00'], 'UTC', '2026-01-16T00:00:00Z', 'allow'],
      ['of a zone', ['08:00', '18:00'], 'Asia/Shanghai', '2026-01-15T00:00:00Z', 'deny'],
      ['of a zone with half an hour', ['05:30', '05:31'], 'Asia/Kolkata', '2026-01-15T00:00:30Z', 'deny'],
      ['in winter', ['08:00', '09:00'], 'Europe/Berlin', '2026-01-15T07:30:00Z', 'deny'],
      ['in summer', ['08:00', '09:00'], 'Europe/Berlin', '2026-07-15T06:30:00Z', 'deny'],
      ['that a spring night skips', ['02:00', '03:00'], 'Europe/Berlin', '2026-03-29T01:00:00Z', 'allow'],
      [
        'around the hour that is skipped',
        ['01:30', '03:30'],
        'Europe/Berlin',
        '2026-03-29T01:00:00Z',
        'deny',
      ],
      [
        'that an autumn night has twice, first',
        ['02:00', '03:00'],
        'Europe/Berlin',
        '2026-10-25T00:30:00Z',
        'deny',
      ],
      [
        'that an autumn night has twice, second',
        ['02:00', '03:00'],
        'Europe/Berlin',
        '2026-10-25T01:30:00Z',
        'deny',
      ],
      ['after the second of them', ['02:00', '03:00'], 'Europe/Berlin', '2026-10-25T02:00:00Z', 'allow'],
    ];
    for (const [what, between, zone, time, decision] of rows)
      it(what, () => expect(at(between, zone, time)).to.equal(decision));
  });

  describe('in one list', () => {
    it('are asked from the first on', () => {
      const calls = [
        { tools: ['set_target'], when: { target: { below: 26 } }, decision: 'allow' },
        { tools: ['set_*'], decision: 'ask' },
        { decision: 'deny' },
      ];
      expect(decisionOf({ calls })).to.equal('allow');
      expect(decisionOf({ calls }, { arguments: { target: 27 } })).to.equal('ask');
      expect(decisionOf({ calls }, { tool: 'other', operation: 'other' })).to.equal('deny');
    });

    it('take the stricter answer where a value cannot be compared', () => {
      const hot = { arguments: { target: 'hot' } };
      const when = { target: { above: 26 } };
      const decided = (first: string, second: string): string =>
        decisionOf({ calls: [{ when, decision: first }, { decision: second }] }, hot);
      expect(decided('ask', 'allow')).to.equal('ask');
      expect(decided('allow', 'deny')).to.equal('deny');
      expect(decided('dry_run', 'deny')).to.equal('deny');
      const { rule } = bookOf({ device: { calls: [{ when, decision: 'ask' }] } }).decide(callOf(hot), noon);
      expect(rule).to.equal(
        'Rule 1 of the device: ask before every call, when target is above 26. A value cannot be compared, so the stricter answer holds.',
      );
    });
  });

  describe('of several lists', () => {
    const answers = ['allow', 'dry_run', 'ask', 'deny'];
    for (const server of answers)
      for (const device of answers)
        for (const session of answers) {
          const strictest =
            answers[Math.max(...[server, device, session].map((each) => answers.indexOf(each)))];
          it(`server ${server}, device ${device}, session ${session}: ${strictest}`, () => {
            const list = (decision: string): JsonObject => ({ calls: [{ decision }] });
            const book = bookOf({ server: list(server), device: list(device), session: list(session) });
            const { decision, isDryRun } = book.decide(callOf(), noon);
            expect([decision, isDryRun]).to.deep.equal([
              strictest,
              [server, device, session].includes('dry_run'),
            ]);
          });
        }

    it('have the strictest terms, and all their words', () => {
      const ask = { decision: 'ask' };
      const book = bookOf({
        server: { calls: [{ ...ask, approvers: 'admin', approvalTimeoutSeconds: 900 }] },
        device: { calls: [{ ...ask, approvers: 'other', approvalTimeoutSeconds: 20 }] },
        session: { calls: [ask] },
      });
      expect(book.decide(callOf(), noon)).to.deep.equal({
        decision: 'ask',
        rule: 'Rule 1 of the server: ask before every call. Rule 1 of the device: ask before every call. Rule 1 of the session: ask before every call.',
        facts: [
          {
            of: 'server',
            list: 'calls',
            number: 1,
            rule: { ...ask, approvers: 'admin', approvalTimeoutSeconds: 900 },
          },
          {
            of: 'device',
            list: 'calls',
            number: 1,
            rule: { ...ask, approvers: 'other', approvalTimeoutSeconds: 20 },
          },
          { of: 'session', list: 'calls', number: 1, rule: ask },
        ],
        isDryRun: false,
        approvers: 'admin',
        needsAnother: true,
        approvalTimeoutSeconds: 20,
      });
    });
  });

  describe('for a call of high risk', () => {
    const byName = { calls: [{ tools: ['set_target'], decision: 'allow' }] };
    const rows: [string, Partial<Record<RuleSource, JsonObject>>, string][] = [
      ['ask without a rule', {}, 'ask'],
      [
        'ask when a wildcard allows it',
        { device: { calls: [{ tools: ['set_*'], decision: 'allow' }] } },
        'ask',
      ],
      ['ask when its risk is allowed', { device: { calls: [{ risk: 'high', decision: 'allow' }] } }, 'ask'],
      ['allow when the device names it', { device: byName }, 'allow'],
      ['allow when the server names it', { server: byName }, 'allow'],
      [
        'allow when the device names its operation',
        { device: { calls: [{ tools: ['POST /heater/target'], decision: 'allow' }] } },
        'allow',
      ],
      ['ask when only the session names it', { session: byName }, 'ask'],
      [
        'ask when the device names it and the server asks',
        { server: { calls: [{ decision: 'ask' }] }, device: byName },
        'ask',
      ],
      [
        'ask when an earlier rule of the list matches',
        { device: { calls: [{ tools: ['*'], decision: 'allow' }, ...byName.calls] } },
        'ask',
      ],
      [
        'ask when the value of the rule that names it cannot be compared',
        { device: { calls: [{ ...byName.calls[0], when: { mode: { above: 1 } } }] } },
        'ask',
      ],
      ['deny when a rule denies it', { device: byName, session: { calls: [{ decision: 'deny' }] } }, 'deny'],
    ];
    for (const [what, lists, decision] of rows)
      it(what, () => {
        const call = callOf({ risk: 'high', arguments: { target: 21, mode: 'x' } });
        expect(bookOf(lists).decide(call, noon).decision).to.equal(decision);
      });

    it('ask for reads, too, and stay a dry run where a rule says so', () => {
      const book = bookOf({ device: { calls: [{ decision: 'dry_run' }] } });
      expect(book.decide(callOf({ risk: 'high', effect: 'read' }), noon)).to.deep.equal({
        decision: 'ask',
        rule: 'The document says that this call has a high risk, and no rule of the device or the server allows it by name.',
        facts: [],
        isDryRun: true,
        approvers: 'owner',
        needsAnother: false,
        approvalTimeoutSeconds: 300,
      });
    });
  });
});
