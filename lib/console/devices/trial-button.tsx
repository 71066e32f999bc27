import { useSignal } from '@preact/signals';
import { useButtonWork } from '../button-work.ts';
import { Faults } from '../faults.tsx';
import { Lamp } from '../lamp.tsx';
import { t } from '../language.ts';
import { Warnings } from '../warnings.tsx';
import { decisionText, ruleSentences, type ShownRule } from './rules-text.ts';

/** The answer of rules for a tool, before they are saved. */
interface TriedTool {
  tool: string;
  decision: 'allow' | 'ask' | 'deny' | 'dry_run';
  /** The reason in the words of the server. */
  rule: string;
  rules: ShownRule[];
  /** The answer is another one for other arguments. */
  isByArguments: boolean;
}

/** The answer of `POST /api/devices/NAME/rules/trial`; that of `POST /api/devices/trial` has warnings, too. */
export interface Trial {
  tools: TriedTool[];
  warnings?: string[];
}

const lamps = { allow: 'green', ask: 'amber', dry_run: 'amber', deny: 'red' } as const;

interface TrialButtonProps {
  label: string;
  isUsable: boolean;
  /** The texts of the form, for the lines of faults. */
  texts: Readonly<Record<string, string>>;
  ask(): Promise<Trial>;
}

/** A button that asks what would be allowed now for each tool of a device, before anything is saved. */
export function TrialButton({ label, isUsable, texts, ask }: TrialButtonProps) {
  const tried = useSignal<Trial | undefined>(undefined);
  const { isBusy, failure, begin } = useButtonWork();
  const start = (): void => {
    tried.value = undefined;
    begin(async () => (tried.value = await ask()));
  };
  return (
    <>
      <button type="button" class="start" disabled={!isUsable} aria-disabled={isBusy.value} onClick={start}>
        {label}
      </button>
      {failure.value && <Faults error={failure.value} texts={texts} />}
      <div role="status">{tried.value && <TriedTools {...tried.value} />}</div>
    </>
  );
}

function TriedTools({ tools, warnings = [] }: Trial) {
  return (
    <>
      <p class="soft small">{t('rulesTried')}</p>
      <Warnings warnings={warnings} />
      <ul class="plain tried">
        {tools.map(({ tool, decision, rule, rules: facts, isByArguments }) => (
          <li key={tool}>
            <p>
              <Lamp color={lamps[decision]} /> <code>{tool}</code>: {decisionText(decision)}
            </p>
            <p class="soft small">
              {[
                ...(facts.length > 0 ? ruleSentences(facts, [rule]) : []),
                ...(isByArguments ? [t('rulesByArguments')] : []),
              ].join(' ')}
            </p>
          </li>
        ))}
      </ul>
    </>
  );
}
