import { cutWords } from '../common/cut-words.ts';
import { formatExactly } from '../common/exact-numbers.ts';
import type { JsonValue } from '../common/json.ts';
import type { ArgumentTest, CallRule, LimitRule, RuleAnswer } from './rule-schema.ts';

/** The owner of a list of rules. */
export type RuleSource = 'server' | 'device' | 'session';

/** How many entries of a list a sentence shows. */
const SHOWN_MAX_COUNT = 5;
/** A longer value is cut, in characters. */
const VALUE_MAX_LENGTH = 60;

/** Each reads on with the calls of its rule: `ask before set_*`. */
const verbs: Record<RuleAnswer, string> = {
  allow: 'allow',
  ask: 'ask before',
  dry_run: 'only a dry run of',
  deny: 'deny',
};

/** A rule as one sentence: `Rule 1 of the device: ask before set_*, when target is above 26, between 22:00 and 06:00.` */
export function describeCallRule(rule: CallRule, of: RuleSource, index: number): string {
  const when = Object.entries(rule.when ?? {}).map(([name, test]) => `${name} ${describeTest(test)}`);
  const parts = [
    `Rule ${index + 1} of the ${of}: ${verbs[rule.decision]} ${describeCalls(rule)}`,
    ...(when.length > 0 ? [`when ${when.join(' and ')}`] : []),
    ...(rule.between ? [`between ${rule.between.join(' and ')}`] : []),
  ];
  return `${parts.join(', ')}.`;
}

/** A limit as one sentence: `Limit 1 of the device: target of set_target must be from 16 to 28, in steps of at most 3.` */
export function describeLimit(limit: LimitRule, of: RuleSource, index: number): string {
  const tools = listed(limit.tools ?? ['*'], 'or');
  const { argument, min, max, maxStep, maxCalls, perSeconds, minIntervalSeconds } = limit;
  const parts: string[] = [];
  if (min !== undefined || max !== undefined)
    parts.push(`${argument} of ${tools} must be ${describeRange(min, max)}`);
  if (maxStep !== undefined) parts.push(`${argument} of ${tools} may change by at most ${maxStep} at once`);
  if (maxCalls !== undefined) parts.push(`at most ${maxCalls} calls of ${tools} in ${perSeconds} seconds`);
  if (minIntervalSeconds !== undefined)
    parts.push(`at least ${minIntervalSeconds} seconds between calls of ${tools}`);
  return `Limit ${index + 1} of the ${of}: ${parts.join('; ')}.`;
}

/** A value for a sentence, cut when it is long. */
export function showValue(value: JsonValue): string {
  const text = formatExactly(value);
  return cutWords(text, VALUE_MAX_LENGTH);
}

/** A range of numbers: `from 16 to 28`, `at least 16` or `at most 28`. */
export function describeRange(min: number | undefined, max: number | undefined): string {
  if (min === undefined) return `at most ${max}`;
  return max === undefined ? `at least ${min}` : `from ${min} to ${max}`;
}

/** The calls of a rule: `every call`, `writes of high risk`, `reads of get_*`. */
function describeCalls({ tools, effect, risk }: CallRule): string {
  const noun = effect === undefined ? 'calls' : `${effect}s`;
  const ofRisk = risk === undefined ? '' : ` of ${risk} risk`;
  if (tools === undefined)
    return effect === undefined && risk === undefined ? 'every call' : `${noun}${ofRisk}`;
  const named = listed(tools, 'or');
  return effect === undefined && risk === undefined ? named : `${noun}${ofRisk} of ${named}`;
}

/** The tests of one argument: `is above 26 and is below 30`. */
function describeTest({ above, below, equals, in: choices, matches }: ArgumentTest): string {
  const parts: string[] = [];
  if (above !== undefined) parts.push(`is above ${above}`);
  if (below !== undefined) parts.push(`is below ${below}`);
  if (equals !== undefined) parts.push(`is ${showValue(equals)}`);
  if (choices !== undefined) parts.push(`is one of ${listed(choices.map(showValue), 'or')}`);
  if (matches !== undefined) parts.push(`matches ${showValue(matches)}`);
  return parts.join(' and ');
}

/** A list as people write it: `a, b or c`. The entries after the fifth are only counted. */
function listed(items: readonly string[], conjunction: string): string {
  const shown = items.slice(0, SHOWN_MAX_COUNT);
  const more = items.length - shown.length;
  const all = more > 0 ? [...shown, `${more} more`] : shown;
  const last = all.at(-1) ?? '';
  return all.length > 1 ? `${all.slice(0, -1).join(', ')} ${conjunction} ${last}` : last;
}
