import { useSignal } from '@preact/signals';
import { call, CallError } from '../api.ts';
import { useButtonWork } from '../button-work.ts';
import { Faults } from '../faults.tsx';
import { useOpener } from '../focus.ts';
import { t } from '../language.ts';
import { status } from '../status/server-status.ts';
import { RulesForm } from './rules-form.tsx';
import { ruleSentences, rulesIn, textOfRules, type ShownRule } from './rules-text.ts';

/** A device with its description, as `GET /api/devices/NAME` shows it. */
export interface ShownDevice {
  title: string;
  version: number;
  kind: string;
  enabled: boolean;
  /** Why it cannot be used. */
  fault?: string;
  /** True for a device of a file in DEVICES_DIR: it is changed there. */
  readOnly?: boolean;
  rules?: Record<string, unknown>;
  rulesInWords?: string[];
  rulesAsData?: ShownRule[];
  /** The document: its text, a JSON object or a URL; missing for an MCP server. */
  openSpec?: unknown;
}

/** The rules of a device in words, and a form that changes them. A file of the server can only be changed there. */
export function DeviceRules({
  name,
  device,
  onSaved,
}: {
  name: string;
  device: ShownDevice;
  onSaved(): void;
}) {
  const { rules = {}, readOnly } = device;
  const draft = useSignal<string | undefined>(undefined);
  const { isBusy, failure, begin } = useButtonWork();
  const opener = useOpener(draft.value !== undefined);
  const save = (event: Event): void => {
    event.preventDefault();
    begin(async () => {
      await call('PUT', `/api/devices/${encodeURIComponent(name)}`, {
        ...device,
        rules: parsedRules(draft.value ?? ''),
      });
      draft.value = undefined;
      onSaved();
    });
  };
  return (
    <section class="card">
      <h2>{t('deviceRulesTitle')}</h2>
      {draft.value === undefined ? (
        <>
          <RulesInWords rules={ruleSentences(device.rulesAsData, device.rulesInWords ?? [])} />
          {readOnly !== true && status.value?.may.manageDevices !== false && (
            <button type="button" ref={opener} onClick={() => (draft.value = textOfRules(rules))}>
              {t('rulesChange')}
            </button>
          )}
        </>
      ) : (
        <form class="stack" onSubmit={save}>
          <RulesForm device={name} text={draft.value} onChange={(text) => (draft.value = text)} />
          {failure.value && <Faults error={failure.value} texts={{ '/rules': draft.value }} />}
          <div class="row">
            <button type="submit" class="primary" aria-disabled={isBusy.value}>
              {t('deviceSave')}
            </button>
            <button type="button" onClick={() => (draft.value = undefined)}>
              {t('cancel')}
            </button>
          </div>
        </form>
      )}
    </section>
  );
}

function RulesInWords({ rules }: { rules: readonly string[] }) {
  if (rules.length === 0) return <p class="soft">{t('deviceNoRules')}</p>;
  return (
    <ul class="plain">
      {rules.map((rule) => (
        <li key={rule}>{rule}</li>
      ))}
    </ul>
  );
}

/** The rules that somebody wrote. Throws a CallError for a text that is no JSON object. */
export function parsedRules(text: string): Record<string, unknown> {
  const rules = rulesIn(text);
  if (rules === undefined) throw new CallError(400, t('rulesNoJson'));
  return rules;
}
