import { faultsInWords } from '../common/faults-in-words.ts';
import { codedFault } from '../common/coded-fault.ts';
import { childPointer } from '../common/json-pointer.ts';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { linearPattern } from '../common/linear-pattern.ts';
import { AppError, type Fault } from '../errors.ts';
import { rulesSchema, type Rules } from './rule-schema.ts';
import { schemaFaults } from './schema-faults.ts';

/** The circumstances that rules are read for. */
export interface RuleCircumstances {
  /** True where nobody else can approve a call (AUTH=none): `approvers: other` is a fault there. */
  isAlone?: boolean;
  /** The days after which rows of the audit log are removed (AUDIT_DAYS): no limit may count over a longer time. */
  auditDays?: number | undefined;
}

const DAY_SECONDS = 86_400;

/** The faults that a message names; all are in the error. */
const FAULTS_SHOWN = 20;

/**
 * Reads rules. `where` is the JSON pointer at which they stand, `""` for a file of their own; nothing (null, undefined) is no rules.
 * Throws `invalid_request` with every fault by JSON pointer. An unknown key is a fault: a rule with a misspelt key would protect nothing.
 */
export function parseRules(value: unknown, where: string, circumstances: RuleCircumstances = {}): Rules {
  if (value === undefined || value === null) return { calls: [], limits: [] };
  const faults = [...schemaFaults(rulesSchema, value), ...meaningFaults(value, circumstances)].map(
    (fault) => ({ ...fault, pointer: where + fault.pointer }),
  );
  if (faults.length === 0) return { calls: [], limits: [], ...(value as Partial<Rules>) };
  const words = faultsInWords(faults, (pointer) => pointer || '/', FAULTS_SHOWN);
  throw new AppError('invalid_request', `The rules cannot be used: ${words}.`, { faults });
}

/** Faults of entries whose keys do not go together. It reads any value, so that faults of both kinds are in one list. */
function meaningFaults(value: unknown, circumstances: RuleCircumstances): Fault[] {
  if (!isObject(value)) return [];
  return [
    ...entriesOf(value, 'calls').flatMap(([pointer, rule]) => callFaults(pointer, rule, circumstances)),
    ...entriesOf(value, 'limits').flatMap(([pointer, limit]) => limitFaults(pointer, limit, circumstances)),
  ];
}

/** The entries of a list that are objects, each with its pointer. The others have a fault by the schema. */
function entriesOf(rules: JsonObject, key: string): [pointer: string, entry: JsonObject][] {
  const list = rules[key];
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry, index) => (isObject(entry) ? [[childPointer('', key, index), entry]] : []));
}

function callFaults(pointer: string, rule: JsonObject, { isAlone = false }: RuleCircumstances): Fault[] {
  const faults: Fault[] = [];
  const fault = (key: string, detail: string): void =>
    void faults.push({ pointer: childPointer(pointer, key), detail });
  const { decision, between, when, approvers } = rule;
  if (decision !== undefined && decision !== 'ask')
    for (const key of ['approvers', 'approvalTimeoutSeconds'])
      if (rule[key] !== undefined) fault(key, 'belongs to "decision": "ask" only');
  if (isAlone && approvers === 'other')
    fault('approvers', 'is other, but with AUTH=none there is nobody else: use owner, or set AUTH=required');
  if (Array.isArray(between) && between.length === 2 && between[0] === between[1])
    fault('between', 'has the same time twice: leave it out for the whole day');
  else if (Array.isArray(between) && between[0] === '24:00')
    fault('between', 'begins at 24:00: a beginning is written 00:00');
  if (isObject(when))
    for (const [argument, test] of Object.entries(when))
      faults.push(...testFaults(childPointer(pointer, 'when', argument), argument, test));
  return faults;
}

/** Faults of the tests of one argument: tests that never hold, and patterns that cannot run in linear time. */
function testFaults(pointer: string, argument: string, test: JsonValue | undefined): Fault[] {
  const faults = pointerFaults(pointer, argument);
  if (!isObject(test)) return faults;
  const { above, below, matches } = test;
  if (typeof above === 'number' && typeof below === 'number' && above >= below)
    faults.push({ pointer, detail: `can never hold: above ${above} and below ${below}` });
  if (typeof matches === 'string' && linearPattern(matches) === undefined)
    faults.push({
      pointer: childPointer(pointer, 'matches'),
      detail:
        'is no regular expression, or one that takes too long: back references and look-behind are not taken',
    });
  return faults;
}

/** An argument that begins with `/` is a JSON pointer, where `~` stands before `0` or `1` only [RFC 6901 3]. */
function pointerFaults(pointer: string, argument: string): Fault[] {
  return argument.startsWith('/') && /~(?![01])/.test(argument)
    ? [{ pointer, detail: 'is no JSON pointer: "~" is written "~0" in one' }]
    : [];
}

function limitFaults(pointer: string, limit: JsonObject, { auditDays }: RuleCircumstances): Fault[] {
  const faults: Fault[] = [];
  const fault = (key: string, detail: string): void =>
    void faults.push({ pointer: key === '' ? pointer : childPointer(pointer, key), detail });
  const { argument, min, max } = limit;
  const ofArgument = ['min', 'max', 'maxStep'].filter((key) => limit[key] !== undefined);
  const has = (key: string): boolean => limit[key] !== undefined;
  const missing = (key: string, other: string): void =>
    void faults.push(codedFault(childPointer(pointer, key), 'missing_for', { other }));
  // Keys that need each other: a limit with half of them would limit nothing, or something else than meant.
  if (ofArgument.length > 0 && !has('argument')) missing('argument', ofArgument[0]!);
  if (has('argument') && ofArgument.length === 0) fault('argument', 'needs min, max or maxStep beside it');
  if (has('maxCalls') && !has('perSeconds')) missing('perSeconds', 'maxCalls');
  if (has('perSeconds') && !has('maxCalls')) missing('maxCalls', 'perSeconds');
  if (typeof min === 'number' && typeof max === 'number' && min > max)
    fault('min', `is ${min}, above max, which is ${max}`);
  if (!['argument', ...ofArgument, 'maxCalls', 'perSeconds', 'minIntervalSeconds'].some(has))
    fault('', 'limits nothing: give min, max, maxStep, maxCalls with perSeconds, or minIntervalSeconds');
  for (const key of ['perSeconds', 'minIntervalSeconds']) {
    const window = limit[key];
    if (auditDays !== undefined && typeof window === 'number' && window > auditDays * DAY_SECONDS)
      fault(
        key,
        `is longer than AUDIT_DAYS (${auditDays}), after which calls are not counted: take at most ${auditDays * DAY_SECONDS}`,
      );
  }
  if (typeof argument === 'string')
    faults.push(...pointerFaults(childPointer(pointer, 'argument'), argument));
  return faults;
}
