import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { parseRules } from '../../lib/devices/parse-rules.ts';
import { compileRules, type RuledCall, type RuleBook } from '../../lib/devices/rules.ts';

function bookOf(...limits: JsonObject[]): RuleBook {
  return compileRules([{ of: 'device', rules: parseRules({ limits }, '') }], 'UTC');
}

function callOf(args: JsonObject, changes: Partial<RuledCall> = {}): RuledCall {
  return {
    tool: 'set',
    operation: 'POST /set',
    effect: 'write',
    risk: 'normal',
    arguments: args,
    ...changes,
  };
}

describe('limits', () => {
  const range = { tools: ['set'], argument: 't', min: 16, max: 28 };
  const words = 'Limit 1 of the device: t of set must be from 16 to 28.';

  describe('of a value', () => {
    const rows: [string, JsonObject, string | undefined][] = [
      ['the smallest', { t: 16 }, undefined],
      ['the largest', { t: 28 }, undefined],
      ['missing', {}, undefined],
      ['too small', { t: 15.99 }, `t is 15.99, and must be from 16 to 28. ${words}`],
      ['too large', { t: 29 }, `t is 29, and must be from 16 to 28. ${words}`],
      ['digits in a text', { t: '29' }, `t is "29", and must be from 16 to 28. ${words}`],
      ['digits in a text, in range', { t: '20' }, undefined],
      ['a text', { t: 'hot' }, `t is "hot", which is no number. ${words}`],
      ['null', { t: null }, `t is null, which is no number. ${words}`],
      ['a list', { t: [20] }, `t is [20], which is no number. ${words}`],
      ['true', { t: true }, `t is true, which is no number. ${words}`],
      ['NaN', { t: Number.NaN }, `t is null, which is no number. ${words}`],
      [
        'a large whole number',
        { t: 9007199254740993n },
        `t is 9007199254740993, and must be from 16 to 28. ${words}`,
      ],
    ];
    for (const [what, args, fault] of rows)
      it(what, () => expect(bookOf(range).argumentFault(callOf(args))).to.equal(fault));

    it('is not asked of a read, and of another tool', () => {
      expect(bookOf(range).argumentFault(callOf({ t: 99 }, { effect: 'read' }))).to.equal(undefined);
      const other = callOf({ t: 99 }, { tool: 'other', operation: 'other' });
      expect(bookOf(range).argumentFault(other)).to.equal(undefined);
    });

    it('with one end only, by pointer, of every tool', () => {
      expect(bookOf({ argument: '/body/t', max: 5 }).argumentFault(callOf({ body: { t: 6 } }))).to.equal(
        '/body/t is 6, and must be at most 5. Limit 1 of the device: /body/t of * must be at most 5.',
      );
    });

    it('lists the faults of all limits', () => {
      expect(
        bookOf({ argument: 't', max: 5 }, { argument: 'u', min: 1 }).argumentFault(callOf({ t: 6, u: 0 })),
      ).to.equal(
        't is 6, and must be at most 5. Limit 1 of the device: t of * must be at most 5. u is 0, and must be at least 1. Limit 2 of the device: u of * must be at least 1.',
      );
    });
  });

  it('of a step apply to the calls that have its argument', () => {
    const book = bookOf({ tools: ['set'], argument: 't', maxStep: 3 });
    const step = {
      argument: 't',
      maxStep: 3,
      of: 'device',
      rule: 'Limit 1 of the device: t of set may change by at most 3 at once.',
    };
    expect(book.watchedNames).to.deep.equal(['t']);
    expect(book.steps(callOf({ t: 20 }))).to.deep.equal([{ ...step, value: 20 }]);
    expect(book.steps(callOf({ t: '20' }))).to.deep.equal([{ ...step, value: 20 }]);
    expect(book.steps(callOf({ t: 20n }))).to.deep.equal([{ ...step, value: 20 }]);
    expect(book.steps(callOf({}))).to.deep.equal([]);
    expect(book.steps(callOf({ t: 20 }, { effect: 'read' }))).to.deep.equal([]);
    expect(book.argumentFault(callOf({ t: 'hot' }))).to.equal(`t is "hot", which is no number. ${step.rule}`);
  });

  it('of a count say which calls they count', () => {
    const book = bookOf(
      { tools: ['set', 'start_*'], maxCalls: 10, perSeconds: 60 },
      { minIntervalSeconds: 30 },
      { tools: ['other'], maxCalls: 1, perSeconds: 1 },
    );
    const counts = book.counts(callOf({}));
    expect(counts.map(({ matches: _matches, ...rest }) => rest)).to.deep.equal([
      {
        tools: ['set', 'start_*'],
        maxCalls: 10,
        perSeconds: 60,
        of: 'device',
        rule: 'Limit 1 of the device: at most 10 calls of set or start_* in 60 seconds.',
      },
      {
        tools: ['*'],
        maxCalls: 1,
        perSeconds: 30,
        of: 'device',
        rule: 'Limit 2 of the device: at least 30 seconds between calls of *.',
      },
    ]);
    expect(['start_pump', 'stop_pump'].map((tool) => counts[0]!.matches(tool, ''))).to.deep.equal([
      true,
      false,
    ]);
    expect(book.counts(callOf({}, { effect: 'read' }))).to.deep.equal([]);
  });
});
