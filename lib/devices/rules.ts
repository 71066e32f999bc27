/**
 * The rules of a device, of the server and of a session as one decision (contract 6, section 2). It is pure: it knows no database
 * and no clock.
 *
 * Every list is asked, and the strictest answer holds: `deny`, then `ask`, then `dry_run`, then `allow`. Within a list the first
 * entry that matches decides. So another list can only make an answer stricter. Where a value cannot be compared with the
 * rule's, such as a text with a number, the rule counts as one that may match: the stricter one of its answer and of the
 * answer behind it holds.
 */
import type { JsonObject, JsonValue } from '../common/json.ts';
import type { Approvers, Risk } from '../core/message.ts';
import type { Effect } from '../core/tool.ts';
import { createWallClock, isBetweenTimes, parseTime } from './local-time.ts';
import { argumentAt, conditionOf, keysOf, numberOf, readNumber } from './rule-conditions.ts';
import {
  approverKinds,
  ruleAnswers,
  type CallRule,
  type LimitRule,
  type RuleAnswer,
  type Rules,
} from './rule-schema.ts';
import { describeCallRule, describeLimit, describeRange, showValue, type RuleSource } from './rule-words.ts';
import { toolMatcher } from './tool-pattern.ts';

/** A call as rules see it. `tool` is its name in its own document. */
export interface RuledCall {
  tool: string;
  operation: string;
  effect: Effect;
  risk: Risk;
  /** With the defaults that the call adds. A whole number may be a bigint. */
  arguments: JsonObject;
}

/** A rule as data, for pages that have words of their own: whose it is, and its place in its list. */
export interface RuleFact {
  of: RuleSource;
  list: 'calls' | 'limits';
  /** From 1. */
  number: number;
  rule: CallRule | LimitRule;
}

/** The answer for a call. */
export interface RuleDecision {
  decision: RuleAnswer;
  /** The rules that decided, in words. */
  rule: string;
  /** The rules that decided, as data; none where only the document or nothing decides. */
  facts: readonly RuleFact[];
  /** True when any rule says `dry_run`: a call that is approved is a dry run then, too. */
  isDryRun: boolean;
  /** The people who may approve the call; for `ask` only. */
  approvers: Approvers;
  /** True when a rule says `other`: the one who asked may not approve, also when `approvers` is `admin`. */
  needsAnother: boolean;
  /** The time after which the call is refused; for `ask` only. */
  approvalTimeoutSeconds: number;
}

/** A limit of a step: the new value may differ from the last one by at most `maxStep`. */
export interface StepLimit {
  /** The argument's name, as `watchedNames` has it. */
  argument: string;
  /** A bigint is rounded to the nearest number. */
  value: number;
  maxStep: number;
  of: RuleSource;
  /** The limit in words. */
  rule: string;
}

/** A limit of a count: at most `maxCalls` matching writes in each time of `perSeconds`. */
export interface CountLimit {
  /** The patterns of the limit, as they are written; `["*"]` for every tool. */
  tools: readonly string[];
  /** Whether a write counts. */
  matches(tool: string, operation: string): boolean;
  maxCalls: number;
  perSeconds: number;
  of: RuleSource;
  /** The limit in words. */
  rule: string;
}

/** Rules, compiled. A book is immutable. */
export interface RuleBook {
  /** The answer for a call at a moment. Without a rule that matches, a call is allowed; one of high risk needs an approval. */
  decide(call: RuledCall, now: Date): RuleDecision;
  /** The faults of the arguments of a write by `min`, `max` and `maxStep`, in words. A value that is no number is one. */
  argumentFault(call: RuledCall): string | undefined;
  /** The limits of steps for a write whose arguments have no fault. */
  steps(call: RuledCall): StepLimit[];
  /** The watched arguments of a write of any tool; undefined for a value that is no number. */
  writtenValues(call: RuledCall): Map<string, number | undefined>;
  /** The limits of counts for a write. A smallest interval is one call in its time. */
  counts(call: RuledCall): CountLimit[];
  /** The arguments whose last values matter. */
  readonly watchedNames: readonly string[];
  /** Every rule as a sentence. */
  words(): string[];
  /** Every rule as data, in the order of its sentences. */
  facts(): RuleFact[];
}

/** For rules without `approvalTimeoutSeconds`. */
const APPROVAL_TIMEOUT_SECONDS = 300;

/** An answer for a call, by one rule. */
type Verdict = Omit<RuleDecision, 'isDryRun' | 'needsAnother'>;

const noRule: Verdict = {
  decision: 'allow',
  rule: 'No rule is about this call.',
  facts: [],
  approvers: 'owner',
  approvalTimeoutSeconds: APPROVAL_TIMEOUT_SECONDS,
};
const highRisk: Verdict = {
  ...noRule,
  decision: 'ask',
  rule: 'The document says that this call has a high risk, and no rule of the device or the server allows it by name.',
};

/** Compiles rules. `timeZone` is the IANA name of the zone of `between`. */
export function compileRules(
  sources: readonly { of: RuleSource; rules: Rules }[],
  timeZone: string,
): RuleBook {
  const lists = sources.map(({ of, rules }) =>
    rules.calls.map((rule, index) => compileCallRule(rule, of, index)),
  );
  const limits = sources.flatMap(({ of, rules }) =>
    rules.limits.map((limit, index) => compileLimit(limit, of, index)),
  );
  const watchedNames = [...new Set(limits.flatMap((limit) => limit.watched))];
  const minuteOfDay = createWallClock(timeZone);
  const limitsOf = ({ tool, operation, effect }: RuledCall): CompiledLimit[] =>
    effect === 'write' ? limits.filter(({ matches }) => matches(tool, operation)) : [];
  return {
    decide(call, now) {
      const asked = lists.map((list) => verdictsOf(list, call, minuteOfDay(now)));
      const verdicts = asked.flatMap((each) => each.verdicts);
      const isWaived = asked.some((each) => each.allowsByName);
      return strictest(call.risk === 'high' && !isWaived ? [...verdicts, highRisk] : verdicts);
    },
    argumentFault(call) {
      const faults = limitsOf(call).flatMap((limit) => limit.faultOf(call.arguments) ?? []);
      return faults.length > 0 ? faults.join(' ') : undefined;
    },
    steps: (call) => limitsOf(call).flatMap((limit) => limit.stepOf(call.arguments) ?? []),
    counts: (call) => limitsOf(call).flatMap((limit) => limit.counts),
    words: () =>
      sources.flatMap(({ of, rules }) => [
        ...rules.calls.map((rule, index) => describeCallRule(rule, of, index)),
        ...rules.limits.map((limit, index) => describeLimit(limit, of, index)),
      ]),
    facts: () =>
      sources.flatMap(({ of, rules }) => [
        ...factsOf(of, 'calls', rules.calls),
        ...factsOf(of, 'limits', rules.limits),
      ]),
    watchedNames,
    writtenValues: ({ effect, arguments: args }) =>
      new Map(
        effect === 'read'
          ? []
          : watchedNames.flatMap((name) => {
              const value = argumentAt(args, keysOf(name));
              return value === undefined ? [] : [[name, numberOf(value)] as const];
            }),
      ),
  };
}

function factsOf(of: RuleSource, list: RuleFact['list'], rules: readonly RuleFact['rule'][]): RuleFact[] {
  return rules.map((rule, index) => ({ of, list, number: index + 1, rule }));
}

interface CompiledCallRule {
  /** Whether the rule is about a call at a minute of the day. */
  matches(call: RuledCall, minute: number): ReturnType<ReturnType<typeof conditionOf>>;
  verdict: Verdict;
  /** The verdict where a value could not be compared. */
  unclearVerdict: Verdict;
  /** Whether the rule of the device or the server allows a tool by its name, without a wildcard. */
  allowsByName(call: RuledCall): boolean;
}

function compileCallRule(rule: CallRule, of: RuleSource, index: number): CompiledCallRule {
  const { tools, effect, risk, when, between, decision } = rule;
  const names = toolMatcher(tools);
  const condition = conditionOf(when);
  const [from, to] = between?.map(parseTime) ?? [0, 24 * 60];
  const exact = new Set(
    decision === 'allow' && of !== 'session' ? tools?.filter((name) => !name.includes('*')) : [],
  );
  const words = describeCallRule(rule, of, index);
  const verdict = {
    decision,
    rule: words,
    facts: [{ of, list: 'calls', number: index + 1, rule }] as const,
    approvers: rule.approvers ?? 'owner',
    approvalTimeoutSeconds: rule.approvalTimeoutSeconds ?? APPROVAL_TIMEOUT_SECONDS,
  };
  return {
    matches(call, minute) {
      const isAbout =
        (effect === undefined || effect === call.effect) &&
        (risk === undefined || risk === call.risk) &&
        names(call.tool, call.operation) &&
        isBetweenTimes(minute, from!, to!);
      return isAbout ? condition(call.arguments) : 'no';
    },
    verdict,
    unclearVerdict: {
      ...verdict,
      rule: `${words} A value cannot be compared, so the stricter answer holds.`,
    },
    allowsByName: ({ tool, operation }) => exact.has(tool) || exact.has(operation),
  };
}

/** The verdicts of a list: that of the first rule that matches, after those of rules that may match. */
function verdictsOf(
  list: readonly CompiledCallRule[],
  call: RuledCall,
  minute: number,
): { verdicts: Verdict[]; allowsByName: boolean } {
  const verdicts: Verdict[] = [];
  for (const rule of list) {
    const match = rule.matches(call, minute);
    if (match === 'unclear') verdicts.push(rule.unclearVerdict);
    if (match === 'yes')
      return { verdicts: [...verdicts, rule.verdict], allowsByName: rule.allowsByName(call) };
  }
  return { verdicts, allowsByName: false };
}

/** The strictest of all verdicts; where several are equally strict, the strictest of their terms. */
function strictest(verdicts: readonly Verdict[]): RuleDecision {
  const rank = Math.max(0, ...verdicts.map(({ decision }) => ruleAnswers.indexOf(decision)));
  const decision = ruleAnswers[rank]!;
  const deciding = verdicts.filter((verdict) => verdict.decision === decision);
  if (deciding.length === 0) return { ...noRule, isDryRun: false, needsAnother: false };
  const approvers = deciding.map((verdict) => verdict.approvers);
  return {
    decision,
    rule: deciding.map(({ rule }) => rule).join(' '),
    facts: deciding.flatMap(({ facts }) => facts),
    isDryRun: verdicts.some((verdict) => verdict.decision === 'dry_run'),
    approvers: approverKinds[Math.max(...approvers.map((each) => approverKinds.indexOf(each)))]!,
    needsAnother: approvers.includes('other'),
    approvalTimeoutSeconds: Math.min(...deciding.map((verdict) => verdict.approvalTimeoutSeconds)),
  };
}

interface CompiledLimit {
  matches(tool: string, operation: string): boolean;
  faultOf(args: JsonObject): string | undefined;
  stepOf(args: JsonObject): StepLimit | undefined;
  counts: readonly CountLimit[];
  watched: readonly string[];
}

function compileLimit(limit: LimitRule, of: RuleSource, index: number): CompiledLimit {
  const { argument, min, max, maxStep } = limit;
  const rule = describeLimit(limit, of, index);
  const keys = argument === undefined ? undefined : keysOf(argument);
  const valueIn = (args: JsonObject): JsonValue | undefined => keys && argumentAt(args, keys);
  const matches = toolMatcher(limit.tools);
  return {
    matches,
    faultOf(args) {
      const value = valueIn(args);
      if (value === undefined) return undefined;
      const number = readNumber(value);
      if (number === undefined) return `${argument} is ${showValue(value)}, which is no number. ${rule}`;
      if ((min === undefined || number >= min) && (max === undefined || number <= max)) return undefined;
      return `${argument} is ${showValue(value)}, and must be ${describeRange(min, max)}. ${rule}`;
    },
    stepOf(args) {
      const value = numberOf(valueIn(args));
      if (argument === undefined || maxStep === undefined || value === undefined) return undefined;
      return { argument, value, maxStep, of, rule };
    },
    counts: countLimitsOf(limit, matches).map((count) => ({ ...count, of, rule })),
    watched: maxStep === undefined ? [] : [argument!],
  };
}

function countLimitsOf(limit: LimitRule, matches: CountLimit['matches']): Omit<CountLimit, 'of' | 'rule'>[] {
  const { tools = ['*'], maxCalls, perSeconds, minIntervalSeconds } = limit;
  const count = { tools, matches };
  return [
    ...(maxCalls === undefined ? [] : [{ ...count, maxCalls, perSeconds: perSeconds! }]),
    ...(minIntervalSeconds === undefined ? [] : [{ ...count, maxCalls: 1, perSeconds: minIntervalSeconds }]),
  ];
}
