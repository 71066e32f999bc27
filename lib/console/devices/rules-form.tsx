import { useSignal } from '@preact/signals';
import { call } from '../api.ts';
import { useOpener } from '../focus.ts';
import { Icon } from '../icon.tsx';
import { t } from '../language.ts';
import { faultyLine } from '../text-place.ts';
import { NewRule } from './new-rule.tsx';
import { ruleTemplates } from './rule-templates.ts';
import { TrialButton, type Trial } from './trial-button.tsx';
import { entriesOf, ruleLists, rulesIn, ruleText, textOfRules, withoutRule, withRule } from './rules-text.ts';

interface RulesFormProps {
  text: string;
  /** The name of a device that is saved: for it the rules can be tried. */
  device?: string;
  onChange(text: string): void;
}

/** Rules as a list in words, with templates, a form for one more, and the same rules as JSON. The server checks them when they are saved. */
export function RulesForm({ text, device, onChange }: RulesFormProps) {
  const isAdding = useSignal(false);
  const opener = useOpener(isAdding.value);
  const rules = rulesIn(text);
  return (
    <fieldset class="rules stack">
      <legend>{t(device === undefined ? 'rulesLegend' : 'rulesChange')}</legend>
      {rules === undefined && <NoJson text={text} />}
      {text.trim() === '' && <Templates onChoose={onChange} />}
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
        <button
          type="button"
          class="start"
          ref={opener}
          disabled={!rules}
          onClick={() => (isAdding.value = true)}
        >
          <Icon name="plus" />
          {t('ruleAdd')}
        </button>
      )}
      <label>
        {t('deviceRules')}
        <textarea
          rows={Math.min(16, Math.max(4, text.split('\n').length))}
          spellcheck={false}
          data-pointer="/rules"
          placeholder='{"calls":[{"effect":"write","decision":"ask"}]}'
          value={text}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      </label>
      {/* Answers for an earlier text would mislead: another text has another key. */}
      {device !== undefined && (
        <TrialButton
          key={text}
          label={t('rulesTry')}
          isUsable={rules !== undefined}
          texts={{ '/rules': text }}
          ask={() => call<Trial>('POST', `/api/devices/${encodeURIComponent(device)}/rules/trial`, { rules })}
        />
      )}
    </fieldset>
  );
}

/** Says that a text is no JSON object, and where its first fault is. A JSON text that is no object has no such line. */
function NoJson({ text }: { text: string }) {
  const line = faultyLine(text);
  return (
    <p class="fault small" role="alert">
      {line === undefined ? t('rulesNoJson') : t('rulesNoJsonLine', { n: line })}
    </p>
  );
}

/** Rules to begin with, while there are none. The choice is an action, so that it always shows its first line. */
function Templates({ onChoose }: { onChoose(text: string): void }) {
  return (
    <label>
      {t('template')}
      <select
        value=""
        onChange={({ currentTarget }) => {
          const chosen = ruleTemplates.find(({ title }) => title === currentTarget.value);
          if (chosen) onChoose(textOfRules(chosen.rules));
        }}
      >
        <option value="">{t('templateNone')}</option>
        {ruleTemplates.map(({ title }) => (
          <option key={title} value={title}>
            {t(title)}
          </option>
        ))}
      </select>
    </label>
  );
}
