import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import type { Effect } from '../../lib/core/tool.ts';
import { parseRules } from '../../lib/devices/parse-rules.ts';
import { compileRules, type RuleBook, type RuledCall } from '../../lib/devices/rules.ts';
import { parseText } from '../../lib/openspec/parse.ts';
import { packageRoot } from '../../lib/package.ts';

const day = new Date('2026-01-15T12:00:00Z');
const night = new Date('2026-01-15T23:00:00Z');

async function bookOf(name: string): Promise<RuleBook> {
  const text = readFileSync(join(packageRoot(), `examples/rules/${name}.yaml`), 'utf8');
  const { document } = await parseText(text);
  return compileRules([{ of: 'server', rules: parseRules(document, '') }], 'UTC');
}

function callOf(
  tool: string,
  args: JsonObject = {},
  effect: Effect = 'write',
  risk: RuledCall['risk'] = 'normal',
): RuledCall {
  return { tool, operation: tool, effect, risk, arguments: args };
}

describe('the examples of rules', () => {
  it('a home: asks before much heat, keeps the night quiet, and spares the compressor', async () => {
    const book = await bookOf('home');
    const decide = (call: RuledCall, at = day) => book.decide(call, at).decision;
    const warm = callOf('set_target_temperature', { target_temperature: 26 });
    const hot = callOf('set_target_temperature', { target_temperature: 26.5 });
    const bright = callOf('set_light_brightness', { room: 'bedroom', brightness: 80 });
    expect([decide(warm), decide(hot), decide(hot, night)]).to.deep.equal(['allow', 'ask', 'ask']);
    expect([decide(bright), decide(bright, night)]).to.deep.equal(['allow', 'ask']);
    expect([decide(callOf('set_mode')), decide(callOf('set_mode'), night)]).to.deep.equal(['allow', 'deny']);
    expect(book.argumentFault(callOf('set_target_temperature', { target_temperature: 31 }))).to.equal(
      'target_temperature is 31, and must be from 16 to 30. Limit 1 of the server: target_temperature of set_target_temperature must be from 16 to 30.',
    );
    const intervals = book
      .counts(callOf('set_power'))
      .map(({ maxCalls, perSeconds }) => [maxCalls, perSeconds]);
    expect(intervals).to.deep.equal([[1, 180]]);
  });

  it('a lab: lets reads through, and another person decides on heat', async () => {
    const book = await bookOf('lab');
    const terms = (call: RuledCall) => {
      const { decision, approvers, approvalTimeoutSeconds } = book.decide(call, day);
      return [decision, approvers, approvalTimeoutSeconds];
    };
    expect(terms(callOf('get_mode', {}, 'read'))).to.deep.equal(['allow', 'owner', 300]);
    expect(terms(callOf('set_mode', { mode: 'heat' }))).to.deep.equal(['dry_run', 'owner', 300]);
    expect(terms(callOf('set_target_temperature', { target_temperature: 24 }))).to.deep.equal([
      'allow',
      'owner',
      300,
    ]);
    expect(terms(callOf('set_target_temperature', { target_temperature: 24.5 }))).to.deep.equal([
      'ask',
      'other',
      600,
    ]);
    expect(terms(callOf('set_power', { power: true }))).to.deep.equal(['ask', 'owner', 300]);
    const steps = book.steps(callOf('set_target_temperature', { target_temperature: 24 }));
    expect(steps.map(({ argument, maxStep }) => [argument, maxStep])).to.deep.equal([
      ['target_temperature', 2],
    ]);
  });

  it('a factory: moves nothing at night, and only what it names', async () => {
    const book = await bookOf('factory');
    const decide = (call: RuledCall, at = day) => {
      const { decision, approvers } = book.decide(call, at);
      return decision === 'ask' ? `ask ${approvers}` : decision;
    };
    expect(decide(callOf('robot_moveToShelf', { shelf: 7 }))).to.equal('allow');
    expect(decide(callOf('robot_moveToShelf', { shelf: 2 }))).to.equal('deny');
    expect(decide(callOf('robot_moveToShelf', { shelf: 7 }), night)).to.equal('deny');
    expect(decide(callOf('robot_pick', { count: 20 }))).to.equal('allow');
    expect(decide(callOf('robot_pick', { count: 21 }))).to.equal('ask admin');
    expect(decide(callOf('robot_pick', { count: 5 }, 'write', 'high'))).to.equal('allow');
    expect(decide(callOf('robot_paint', {}))).to.equal('deny');
    expect(decide(callOf('robot_status', {}, 'read'), night)).to.equal('allow');
  });
});
