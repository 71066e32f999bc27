import { useSignal } from '@preact/signals';
import { Icon } from '../icon.tsx';
import { t } from '../language.ts';
import { NewRule } from './new-rule.tsx';
import { entriesOf, ruleLists, rulesIn, ruleText, withoutRule, withRule } from './rules-text.ts';

/** Rules as a list in words, with a form for one more, and the same rules as JSON. The server checks them when they are saved. */
export function RulesForm({ text, onChange }: { text: string; onChange(text: string): void }) {
  const isAdding = useSignal(false);
  const rules = rulesIn(text);
  return (
    <fieldset class="rules stack">
      <legend>{t('rulesLegend')}</legend>
      {rules === undefined && <p class="fault small">{t('rulesNoJson')}</p>}
      {rules && (
        <ul class="plain">
          {ruleLists.flatMap((list) =>
            entriesOf(rules, list).map((entry, at) => (
              <li key={`${list}${at}`}>
                <span>{ruleText(entry)}</span>
                <button
                  type="button"
                  class="quiet"
                  aria-label={t('ruleRemove', { rule: ruleText(entry) })}
                  onClick={() => onChange(withoutRule(text, list, at))}
                >
                  <Icon name="close" />
                </button>
              </li>
            )),
          )}
        </ul>
      )}
      {isAdding.value ? (
        <NewRule
          onAdd={(list, entry) => {
            onChange(withRule(text, list, entry));
            isAdding.value = false;
          }}
          onCancel={() => (isAdding.value = false)}
        />
      ) : (
        <button type="button" class="start" disabled={!rules} onClick={() => (isAdding.value = true)}>
          <Icon name="plus" />
          {t('ruleAdd')}
        </button>
      )}
      <label>
        {t('deviceRules')}
        <textarea
          rows={4}
          spellcheck={false}
          placeholder='{"calls":[{"effect":"write","decision":"ask"}]}'
          value={text}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      </label>
    </fieldset>
  );
}
