import type { DescribedSpec, DescribedTool } from '../openspec/describe-spec.ts';
import type { RuleAnswer } from './rule-schema.ts';
import type { RuleBook, RuleFact } from './rules.ts';
import { toolMatcher } from './tool-pattern.ts';

/** The answer of rules for one tool at a moment. */
interface ToolVerdict {
  tool: string;
  effect: DescribedTool['effect'];
  decision: RuleAnswer;
  /** The rules that decide, in words. */
  rule: string;
  /** The same rules as data. */
  rules: readonly RuleFact[];
  /** Whether another answer is possible: a condition or a limit reads the arguments, or counts the calls. */
  isByArguments: boolean;
}

/** Rules in words and as data, and their answer for each tool of a device. */
export interface RulesTrial {
  rulesInWords: readonly string[];
  rulesAsData: readonly RuleFact[];
  tools: readonly ToolVerdict[];
}

/** A device that is tried before it is registered. */
export interface DeviceTrial extends RulesTrial, Pick<DescribedSpec, 'skipped'> {
  title: string;
  kind: string;
  warnings: readonly string[];
}

/** Tries rules for each tool of a device at a moment, for calls without arguments. Nothing is called. */
export function tryRules(book: RuleBook, tools: readonly DescribedTool[], now: Date): RulesTrial {
  const verdicts = verdictsOf(book, tools, now);
  return { rulesInWords: book.words(), rulesAsData: book.facts(), tools: verdicts };
}

/** The verdict of each tool. Conditions and limits are open: a call with arguments, or one more call, may get another answer. */
function verdictsOf(book: RuleBook, tools: readonly DescribedTool[], now: Date): ToolVerdict[] {
  const open = book.facts().filter(({ list, rule }) => list === 'limits' || 'when' in rule);
  return tools.map(({ name, operation, effect, risk = 'normal' }) => {
    const { decision, rule, facts } = book.decide(
      { tool: name, operation, effect, risk, arguments: {} },
      now,
    );
    const isByArguments = open.some(({ list, rule: one }) => {
      const about = 'effect' in one && one.effect !== undefined ? one.effect : effect;
      const isWritten = list === 'calls' || effect === 'write';
      return isWritten && about === effect && toolMatcher(one.tools)(name, operation);
    });
    return { tool: name, effect, decision, rule, rules: facts, isByArguments };
  });
}
