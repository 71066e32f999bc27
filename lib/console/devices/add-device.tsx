import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from '../api.ts';
import { useButtonWork } from '../button-work.ts';
import { Faults } from '../faults.tsx';
import { t } from '../language.ts';
import { readStatus, status } from '../status/server-status.ts';
import { DocumentFields, emptyDraft, entryOf } from '../talk/document-fields.tsx';
import { simulated } from '../talk/sessions.ts';
import { parsedRules } from './device-rules.tsx';
import { RulesForm } from './rules-form.tsx';

/** A form that registers a device. A document or rules with faults change nothing: every fault is shown with its place. */
export function AddDevice({ onAdded }: { onAdded(): void }) {
  const isOpen = useSignal(false);
  const name = useSignal('');
  const rules = useSignal('');
  const draft = useSignal(emptyDraft());
  const { isBusy, failure, begin } = useButtonWork();
  const warnings = useSignal<readonly string[]>([]);
  useEffect(() => {
    if (!status.value) readStatus().catch(() => undefined); // without it no simulated device is offered
  }, []);
  const add = async (): Promise<void> => {
    const entry = draft.value.isSimulated ? await simulated(draft.value.text) : entryOf(draft.value);
    const ruled = rules.value.trim() === '' ? {} : { rules: parsedRules(rules.value) };
    const made = await call<{ warnings?: string[] }>('POST', '/api/devices', {
      name: name.value.trim(),
      ...entry,
      ...ruled,
    });
    warnings.value = made.warnings ?? [];
    isOpen.value = false;
    name.value = '';
    rules.value = '';
    draft.value = emptyDraft();
    onAdded();
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    begin(add);
  };
  if (!isOpen.value)
    return (
      <>
        {warnings.value.length > 0 && (
          <ul class="warning small">
            {warnings.value.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        )}
        <button type="button" class="start" onClick={() => (isOpen.value = true)}>
          {t('deviceAdd')}
        </button>
      </>
    );
  return (
    <form class="card stack" onSubmit={submit}>
      <h2>{t('deviceAdd')}</h2>
      <label>
        {t('deviceName')}
        <input
          required
          pattern="[a-z0-9][a-z0-9\-]{0,62}"
          value={name.value}
          onInput={({ currentTarget }) => (name.value = currentTarget.value)}
        />
      </label>
      <DocumentFields draft={draft.value} onChange={(changed) => (draft.value = changed)} />
      <RulesForm text={rules.value} onChange={(text) => (rules.value = text)} />
      {failure.value && (
        <Faults error={failure.value} texts={{ '/openSpec': draft.value.text, '/rules': rules.value }} />
      )}
      <div class="row">
        <button type="submit" class="primary" disabled={isBusy.value}>
          {t('deviceSave')}
        </button>
        <button type="button" onClick={() => (isOpen.value = false)}>
          {t('cancel')}
        </button>
      </div>
    </form>
  );
}
