import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call, CallError } from '../api.ts';
import { t } from '../language.ts';
import { readStatus, status } from '../status/server-status.ts';
import { DocumentFields, emptyDraft, entryOf } from '../talk/document-fields.tsx';
import { Faults } from '../talk/faults.tsx';

/** A form that registers a device. A document or rules with faults change nothing: every fault is shown with its place. */
export function AddDevice({ onAdded }: { onAdded(): void }) {
  const isOpen = useSignal(false);
  const name = useSignal('');
  const rules = useSignal('');
  const draft = useSignal(emptyDraft());
  const failure = useSignal<CallError | undefined>(undefined);
  const warnings = useSignal<readonly string[]>([]);
  useEffect(() => {
    if (!status.value) readStatus().catch(() => undefined); // without it no simulated device is offered
  }, []);
  const add = async (): Promise<void> => {
    const { openSpec, ...entry } = draft.value.isSimulated
      ? { openSpec: draft.value.text, ...(await simulated(draft.value.text)) }
      : entryOf(draft.value);
    const ruled = rules.value.trim() === '' ? {} : { rules: parsed(rules.value) };
    const made = await call<{ warnings?: string[] }>('POST', '/api/devices', {
      name: name.value.trim(),
      openSpec,
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
    failure.value = undefined;
    add().catch((error: unknown) => {
      failure.value = error instanceof CallError ? error : new CallError(400, String(error));
    });
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
          pattern="[a-z0-9][a-z0-9\\-]{0,62}"
          value={name.value}
          onInput={({ currentTarget }) => (name.value = currentTarget.value)}
        />
      </label>
      <DocumentFields draft={draft.value} number={1} onChange={(changed) => (draft.value = changed)} />
      <label>
        {t('deviceRules')}
        <textarea
          rows={4}
          spellcheck={false}
          placeholder='{"calls":[{"effect":"write","decision":"ask"}]}'
          value={rules.value}
          onInput={({ currentTarget }) => (rules.value = currentTarget.value)}
        />
      </label>
      {failure.value && <Faults error={failure.value} />}
      <div class="row">
        <button type="submit" class="primary">
          {t('deviceSave')}
        </button>
        <button type="button" onClick={() => (isOpen.value = false)}>
          {t('cancel')}
        </button>
      </div>
    </form>
  );
}

/** The address of a simulated device of a document. */
async function simulated(openSpec: string): Promise<{ server: string }> {
  const { server } = await call<{ server: string }>('POST', '/api/trial/devices', { openSpec });
  return { server };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CallError(400, `${t('deviceRules')}: ${error instanceof Error ? error.message : ''}`);
  }
}
