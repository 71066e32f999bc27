import { useSignal } from '@preact/signals';
import { announce } from '../announcer.tsx';
import { call } from '../api.ts';
import { useButtonWork } from '../button-work.ts';
import { Faults } from '../faults.tsx';
import { focusAtOnce, useOpener } from '../focus.ts';
import { t } from '../language.ts';
import { status } from '../status/server-status.ts';
import { DocumentFields, emptyDraft, entryOf, type DocumentDraft } from '../talk/document-fields.tsx';
import { simulated } from '../talk/sessions.ts';
import { parsedRules } from './device-rules.tsx';
import { RulesForm } from './rules-form.tsx';
import { Warnings } from '../warnings.tsx';
import { TrialButton, type Trial } from './trial-button.tsx';

/** A device that is not registered yet; `rules` is JSON text, which may have faults. */
interface DeviceDraft {
  name: string;
  rules: string;
  document: DocumentDraft;
}

/** A form that registers a device. A document or rules with faults change nothing: every fault is shown with its place. */
export function AddDevice({ onAdded }: { onAdded(): void }) {
  const isOpen = useSignal(false);
  const opener = useOpener(isOpen.value);
  const warnings = useSignal<readonly string[]>([]);
  if (status.value?.may.manageDevices === false) return null;
  if (isOpen.value)
    return (
      <DeviceForm
        onSaved={(found) => {
          warnings.value = found;
          isOpen.value = false;
          onAdded();
        }}
        onCancel={() => (isOpen.value = false)}
      />
    );
  return (
    <>
      <Warnings warnings={warnings.value} />
      <button type="button" class="start" ref={opener} onClick={() => (isOpen.value = true)}>
        {t('deviceAdd')}
      </button>
    </>
  );
}

interface DeviceFormProps {
  onSaved(warnings: readonly string[]): void;
  onCancel(): void;
}

function DeviceForm({ onSaved, onCancel }: DeviceFormProps) {
  const draft = useSignal<DeviceDraft>({ name: '', rules: '', document: emptyDraft() });
  const { isBusy, failure, begin } = useButtonWork();
  const set = (changes: Partial<DeviceDraft>): void => void (draft.value = { ...draft.value, ...changes });
  const { name, rules, document } = draft.value;
  const texts = { '/openSpec': document.text, '/rules': rules };
  const submit = (event: Event): void => {
    event.preventDefault();
    begin(async () => {
      const made = await call<{ title: string; warnings?: string[] }>(
        'POST',
        '/api/devices',
        await deviceOf(draft.value),
      );
      announce(t('deviceAdded', { name: made.title }));
      onSaved(made.warnings ?? []);
    });
  };
  return (
    <form class="card stack" onSubmit={submit}>
      <h2>{t('deviceAdd')}</h2>
      <label>
        {t('deviceName')}
        <input
          required
          ref={focusAtOnce}
          pattern="[a-z0-9][a-z0-9\-]{0,62}"
          value={name}
          onInput={({ currentTarget }) => set({ name: currentTarget.value })}
        />
      </label>
      <DocumentFields draft={document} onChange={(changed) => set({ document: changed })} />
      <RulesForm text={rules} onChange={(text) => set({ rules: text })} />
      <TrialButton
        key={JSON.stringify(draft.value)} // answers for an earlier text would mislead
        label={t('deviceTry')}
        isUsable={document.text.trim() !== ''}
        texts={texts}
        ask={async () => call<Trial>('POST', '/api/devices/trial', await deviceOf(draft.value))}
      />
      {failure.value && <Faults error={failure.value} texts={texts} />}
      <div class="row">
        <button type="submit" class="primary" aria-disabled={isBusy.value}>
          {t('deviceSave')}
        </button>
        <button type="button" onClick={onCancel}>
          {t('cancel')}
        </button>
      </div>
    </form>
  );
}

/** The device that a draft describes; a simulated one is started for it. */
async function deviceOf({ name, rules, document }: DeviceDraft): Promise<Record<string, unknown>> {
  const entry = document.isSimulated ? await simulated(document.text) : entryOf(document);
  return {
    name: name.trim(),
    ...entry,
    ...(rules.trim() !== '' && { rules: parsedRules(rules) }),
  };
}
