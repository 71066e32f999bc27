import { t } from '../language.ts';
import { newId } from '../new-id.ts';
import { status } from '../status/server-status.ts';
import type { DeviceEntry } from './sessions.ts';

/** A document that somebody types or chooses. */
export interface DocumentDraft {
  /** For the list of the page only: a draft that is dropped takes its own field with it. */
  readonly key: string;
  readonly text: string;
  /** The address of the device; empty: that of the document. */
  readonly server: string;
  readonly secret: string;
  /** `scheme`: a key for the security scheme of the document that `secretName` names. */
  readonly secretKind: 'bearer' | 'basic' | 'scheme';
  readonly secretName: string;
  /** True: a simulated device is started from the document, and the session gets its address. */
  readonly isSimulated: boolean;
}

/** An empty draft. */
export function emptyDraft(): DocumentDraft {
  return {
    key: newId(),
    text: '',
    server: '',
    secret: '',
    secretKind: 'bearer',
    secretName: '',
    isSimulated: false,
  };
}

/** The entry of a session for a draft. */
export function entryOf({ text, server, secret, secretKind, secretName }: DocumentDraft): DeviceEntry {
  return {
    openSpec: text,
    ...(server.trim() !== '' && { server: server.trim() }),
    ...(secret !== '' &&
      (secretKind === 'scheme'
        ? { credentials: { [secretName.trim()]: secret } }
        : { apiKey: { type: secretKind, apiKey: secret } })),
  };
}

/** The fields of one document with its device. */
export function DocumentFields({
  draft,
  number,
  pointer = '/openSpec',
  onChange,
  onDrop,
}: {
  draft: DocumentDraft;
  /** From 1, where there may be several. */
  number?: number;
  /** The JSON pointer of the document in the request: a fault in it shows its line here. */
  pointer?: string;
  onChange(draft: DocumentDraft): void;
  onDrop?(): void;
}) {
  const label = number === undefined ? t('documentOne') : t('document', { n: number });
  const set = (changes: Partial<DocumentDraft>): void => onChange({ ...draft, ...changes });
  const read = async (input: HTMLInputElement): Promise<void> => {
    const text = await input.files?.[0]?.text();
    if (text !== undefined) set({ text });
    // Else the same file could not be chosen again.
    input.value = '';
  };
  return (
    <fieldset class="document">
      <legend>{label}</legend>
      <textarea
        rows={6}
        spellcheck={false}
        data-pointer={pointer}
        aria-label={label}
        placeholder={t('documentHint')}
        value={draft.text}
        onInput={({ currentTarget }) => set({ text: currentTarget.value })}
      />
      <div class="row">
        <label class="button file">
          {t('chooseFile')}
          <input
            type="file"
            accept=".json,.yaml,.yml"
            onChange={({ currentTarget }) => void read(currentTarget)}
          />
        </label>
        {onDrop && (
          <button type="button" class="quiet" onClick={onDrop}>
            {t('dropDocument')}
          </button>
        )}
      </div>
      {status.value?.simulates === true && (
        <label class="check">
          <input
            type="checkbox"
            checked={draft.isSimulated}
            onChange={({ currentTarget }) => set({ isSimulated: currentTarget.checked })}
          />
          {t('simulate')}
        </label>
      )}
      {!draft.isSimulated && <DeviceFields draft={draft} set={set} />}
    </fieldset>
  );
}

/** Where the device is, and its key. */
function DeviceFields({ draft, set }: { draft: DocumentDraft; set(changes: Partial<DocumentDraft>): void }) {
  return (
    <div class="fields">
      <label>
        {t('server')}
        <input value={draft.server} onInput={({ currentTarget }) => set({ server: currentTarget.value })} />
      </label>
      <label>
        {t('secret')}
        <span class="joined">
          <select
            aria-label={t('secretKind')}
            value={draft.secretKind}
            onChange={({ currentTarget }) =>
              set({ secretKind: currentTarget.value as DocumentDraft['secretKind'] })
            }
          >
            <option value="bearer">Bearer</option>
            <option value="basic">Basic</option>
            <option value="scheme">{t('secretScheme')}</option>
          </select>
          <input
            type="password"
            autocomplete="off"
            aria-label={t('secret')}
            value={draft.secret}
            onInput={({ currentTarget }) => set({ secret: currentTarget.value })}
          />
        </span>
      </label>
      {draft.secretKind === 'scheme' && (
        <label>
          {t('secretName')}
          <input
            required
            value={draft.secretName}
            onInput={({ currentTarget }) => set({ secretName: currentTarget.value })}
          />
        </label>
      )}
    </div>
  );
}
