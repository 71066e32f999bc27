import { language, t } from '../language.ts';

/** An entry of `calls` or `limits`. Fields that this page does not know stay as they are. */
export type RuleEntry = Readonly<Record<string, unknown>>;
/** The lists of rules that the form shows. */
export const ruleLists = ['calls', 'limits'] as const;
/** The name of a list of rules. */
export type RuleList = (typeof ruleLists)[number];

/** The rules in a JSON text; undefined for a text that is no JSON object. An empty text has no rules. */
export function rulesIn(text: string): Record<string, unknown> | undefined {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isRecord ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The entries of a list of rules. */
export function entriesOf(rules: Readonly<Record<string, unknown>>, list: RuleList): RuleEntry[] {
  const entries = rules[list];
  return Array.isArray(entries) ? (entries as RuleEntry[]) : [];
}

/** The text with one more rule at the end of its list. */
export function withRule(text: string, list: RuleList, entry: RuleEntry): string {
  const rules = rulesIn(text) ?? {};
  return textOfRules({ ...rules, [list]: [...entriesOf(rules, list), entry] });
}

/** The text without one rule. A list that has none left is removed. */
export function withoutRule(text: string, list: RuleList, at: number): string {
  const { [list]: _, ...others } = rulesIn(text) ?? {};
  const left = entriesOf(rulesIn(text) ?? {}, list).filter((_entry, index) => index !== at);
  return textOfRules(left.length === 0 ? others : { ...others, [list]: left });
}

/** Rules as a JSON text; empty where there is no rule. */
export function textOfRules(rules: Readonly<Record<string, unknown>>): string {
  return Object.keys(rules).length === 0 ? '' : JSON.stringify(rules, undefined, 2);
}

const decisions = {
  allow: 'ruleAllow',
  ask: 'ruleAsk',
  deny: 'ruleDeny',
  dry_run: 'ruleDryRun',
} as const;
const risks = { low: 'riskLow', normal: 'riskNormal', high: 'riskHigh' } as const;
const testWords = {
  above: 'testAbove',
  below: 'testBelow',
  equals: 'testEquals',
  in: 'testIn',
  matches: 'testMatches',
} as const;
const approverNames = { owner: 'approverOwner', other: 'approverOther', admin: 'approverAdmin' } as const;

/** A rule as the server gives it as data: whose it is, its list, and its number in that list. */
export interface ShownRule {
  of: 'server' | 'device' | 'session';
  list: RuleList;
  number: number;
  rule: RuleEntry;
}

/** The words for the place of a rule, by its list. */
const places = {
  calls: { server: 'ruleOfServer', device: 'ruleOfDevice', session: 'ruleOfSession' },
  limits: { server: 'limitOfServer', device: 'limitOfDevice', session: 'limitOfSession' },
} as const;

/** The answer of a rule in words. */
export function decisionText(decision: keyof typeof decisions): string {
  return t(decisions[decision]);
}

/** Rules of the server in the language of the page. The server's own sentences are English; an earlier version gives no data. */
export function ruleSentences(facts: readonly ShownRule[] | undefined, words: readonly string[]): string[] {
  if (facts === undefined || language.value === 'en') return [...words];
  return facts.map(({ of, list, number, rule }) => t(places[list][of], { number, rule: ruleText(rule) }));
}

/** A rule in words. Fields without words of their own are shown as JSON. */
export function ruleText(entry: RuleEntry): string {
  const { tools, effect, risk, when, between, decision, approvers, approvalTimeoutSeconds, ...limit } = entry;
  const { argument, min, max, maxStep, maxCalls, perSeconds, minIntervalSeconds, ...others } = limit;
  const isRange = argument !== undefined && (min !== undefined || max !== undefined || maxStep === undefined);
  const about = [
    Array.isArray(tools) ? tools.join(', ') : t('ruleAllTools'),
    ...(effect === 'read' || effect === 'write' ? [t(effect === 'read' ? 'ruleReads' : 'ruleWrites')] : []),
  ].join(' · ');
  const parts = [
    known(decisions, decision),
    ...testsOf(when),
    ...(Array.isArray(between) ? [t('ruleBetween', { from: text(between[0]), to: text(between[1]) })] : []),
    ...(risk === undefined ? [] : [t('ruleRisk', { risk: known(risks, risk) })]),
    known(approverNames, approvers),
    ...inSeconds('ruleTimeout', approvalTimeoutSeconds),
    ...(isRange
      ? [t('ruleRange', { name: text(argument), min: text(min ?? '…'), max: text(max ?? '…') })]
      : []),
    ...(maxStep === undefined ? [] : [t('ruleStep', { name: text(argument), value: text(maxStep) })]),
    ...inSeconds('ruleInterval', minIntervalSeconds),
    ...(maxCalls === undefined
      ? []
      : [t('ruleCount', { count: text(maxCalls), seconds: text(perSeconds ?? '') })]),
    ...Object.entries(others).map(([name, value]) => `${name} ${JSON.stringify(value)}`),
  ];
  const said = parts.filter((part) => part !== '').join(t('comma'));
  return t('ruleLine', { about, said });
}

/** The tests of arguments in words; a test without words of its own is shown as JSON. */
function testsOf(when: unknown): string[] {
  if (typeof when !== 'object' || when === null) return [];
  return Object.entries(when).flatMap(([name, tests]) =>
    Object.entries(tests as Record<string, unknown>).map(([test, value]) => {
      const key = Object.keys(testWords).find((one) => one === test) as keyof typeof testWords | undefined;
      return key === undefined
        ? `${name} ${test} ${text(value)}`
        : t(testWords[key], { name, value: text(value) });
    }),
  );
}

/** A duration of a rule in words; nothing where the rule has none. */
function inSeconds(key: 'ruleTimeout' | 'ruleInterval', seconds: unknown): string[] {
  return seconds === undefined ? [] : [t(key, { seconds: text(seconds) })];
}

/** The words for a value; the value itself where it has none, and nothing where it is missing. */
function known<Key extends string>(
  names: Readonly<Record<Key, Parameters<typeof t>[0]>>,
  value: unknown,
): string {
  if (value === undefined) return '';
  const key = Object.keys(names).find((name) => name === value) as Key | undefined;
  return key === undefined ? text(value) : t(names[key]);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
