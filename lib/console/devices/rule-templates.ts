import type { TextKey } from '../texts/texts.ts';

interface RuleTemplate {
  title: TextKey;
  rules: Readonly<Record<string, unknown>>;
}

/** Rules to start from. */
export const ruleTemplates: readonly RuleTemplate[] = [
  { title: 'templateAsk', rules: { calls: [{ effect: 'write', decision: 'ask' }] } },
  { title: 'templateReads', rules: { calls: [{ effect: 'write', decision: 'deny' }] } },
  {
    title: 'templateNight',
    rules: { calls: [{ effect: 'write', between: ['22:00', '06:00'], decision: 'deny' }] },
  },
  { title: 'templateCount', rules: { limits: [{ maxCalls: 10, perSeconds: 60 }] } },
];
