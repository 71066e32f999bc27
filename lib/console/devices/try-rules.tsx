import { useSignal } from '@preact/signals';
import { call } from '../api.ts';
import { useButtonWork } from '../button-work.ts';
import { Faults } from '../faults.tsx';
import { Lamp } from '../lamp.tsx';
import { t } from '../language.ts';
import { decisionText, rulesIn, ruleSentences, type ShownRule } from './rules-text.ts';

/** The answer of `POST /api/devices/NAME/rules/trial` for a tool. */
interface TriedTool {
  tool: string;
  decision: 'allow' | 'ask' | 'deny' | 'dry_run';
  rule: string;
  rules: ShownRule[];
  isByArguments: boolean;
}

const lamps = { allow: 'green', ask: 'amber', dry_run: 'amber', deny: 'red' } as const;

/** A button that asks what rules would answer now for each tool of a device, before they are saved. */
export function TryRules({ device, text }: { device: string; text: string }) {
  const tried = useSignal<readonly TriedTool[] | undefined>(undefined);
  const { isBusy, failure, begin } = useButtonWork();
  const rules = rulesIn(text);
  const ask = async (): Promise<void> => {
    const path = `/api/devices/${encodeURIComponent(device)}/rules/trial`;
    tried.value = (await call<{ tools: TriedTool[] }>('POST', path, { rules })).tools;
  };
  return (
    <>
      <button type="button" class="start" disabled={!rules || isBusy.value} onClick={() => begin(ask)}>
        {t('rulesTry')}
      </button>
      {failure.value && <Faults error={failure.value} texts={{ '/rules': text }} />}
      {tried.value && (
        <div role="status">
          <p class="soft small">{t('rulesTried')}</p>
          <ul class="plain tried">
            {tried.value.map(({ tool, decision, rule, rules: facts, isByArguments }) => (
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
        </div>
      )}
    </>
  );
}
