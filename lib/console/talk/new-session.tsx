import { useSignal } from '@preact/signals';
import { call, callErrorOf, CallError } from '../api.ts';
import { useButtonWork } from '../button-work.ts';
import { Faults } from '../faults.tsx';
import { Icon } from '../icon.tsx';
import { t } from '../language.ts';
import { go, hrefOf } from '../route.ts';
import { DemoNotice } from '../status/demo-notice.tsx';
import { status } from '../status/server-status.ts';
import { DocumentFields, emptyDraft, entryOf, type DocumentDraft } from './document-fields.tsx';
import { createSession, sessions, simulated, type DeviceEntry } from './sessions.ts';

/** The examples to begin with: the documents by their names at the server, and the key of the title. */
const examples = [
  { names: ['lights'], title: 'exampleLights' },
  { names: ['air-conditioner'], title: 'exampleAir' },
  { names: ['robot'], title: 'exampleRobot' },
  { names: ['lights', 'air-conditioner', 'robot'], title: 'exampleAll' },
] as const;

/** Ways to begin a conversation: an example, documents of one's own, or the model alone. */
export function NewSession() {
  const attempt = useButtonWork();
  const begin = (open: () => Promise<string>): void => attempt.begin(async () => go('talk', await open()));
  const isBusy = attempt.isBusy.value;
  const failure = attempt.failure.value;
  return (
    <div class="page">
      {(sessions.value?.length ?? 0) > 0 && (
        <a class="back" href={hrefOf('talk')}>
          <Icon name="back" />
          {t('back')}
        </a>
      )}
      <h1>{t('newSession')}</h1>
      <p class="soft lead">{t('newLead')}</p>
      <DemoNotice />
      {failure && <Faults error={failure} />}
      {status.value?.simulates !== false && <Examples isBusy={isBusy} begin={begin} />}
      <OwnDocuments />
      <section class="card">
        <h2>{t('plainTitle')}</h2>
        <p class="soft">{t('plainLead')}</p>
        <button type="button" aria-disabled={isBusy} onClick={() => begin(() => createSession('', []))}>
          {t('start')}
        </button>
      </section>
    </div>
  );
}

interface SectionProps {
  isBusy: boolean;
  /** Opens a session, and goes to it. `open` resolves with its id. */
  begin(open: () => Promise<string>): void;
}

function Examples({ isBusy, begin }: SectionProps) {
  const open = async (names: readonly string[], title: string): Promise<string> => {
    const known = await call<{ name: string; openSpec: string }[]>('GET', '/api/trial/examples');
    const wanted = known.filter(({ name }) => names.includes(name));
    const devices = await Promise.all(wanted.map(({ openSpec }) => simulated(openSpec)));
    return createSession(
      title,
      devices.map(({ openSpec, server }) => ({ openSpec, ...(server && { server }) })),
    );
  };
  return (
    <section class="card">
      <h2>{t('examplesTitle')}</h2>
      <p class="soft">{t('examplesLead')}</p>
      <div class="choices">
        {examples.map(({ names, title }) => (
          <button
            key={title}
            type="button"
            aria-disabled={isBusy}
            onClick={() => begin(() => open(names, t(title)))}
          >
            <Icon name="device" />
            {t(title)}
          </button>
        ))}
      </div>
    </section>
  );
}

/** The place of a document in the request; documents without a text are not in it. */
function pointerOf(at: number): string {
  return `/openSpecList/${at}/openSpec`;
}

/** The entry of a session for a draft. A fault of a document that is simulated first has its place in the request, too. */
async function entryFor(draft: DocumentDraft, pointer: string): Promise<DeviceEntry> {
  if (!draft.isSimulated) return entryOf(draft);
  try {
    const { server } = await simulated(draft.text);
    return { ...entryOf(draft), ...(server !== undefined && { server }) };
  } catch (error) {
    const { status, message, faults } = callErrorOf(error);
    const placed = faults.map((fault) => ({
      ...fault,
      pointer: fault.pointer.replace(/^\/openSpec(?=\/|$)/, pointer),
    }));
    throw new CallError(status, message, placed);
  }
}

function OwnDocuments() {
  const { isBusy, failure, begin } = useButtonWork();
  const drafts = useSignal<readonly DocumentDraft[]>([emptyDraft()]);
  const prompt = useSignal('');
  // Documents without a text are not in the request: places in it count these.
  const written = drafts.value.filter(({ text }) => text.trim() !== '');
  const change = (at: number, draft: DocumentDraft): void =>
    void (drafts.value = drafts.value.map((old, index) => (index === at ? draft : old)));
  const open = async (): Promise<void> => {
    const entries: DeviceEntry[] = [];
    // One after the other: the first document with a fault ends it, and is named by its place.
    for (const [at, draft] of written.entries()) entries.push(await entryFor(draft, pointerOf(at)));
    go('talk', await createSession('', entries, prompt.value));
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    begin(open);
  };
  return (
    <form class="card stack" onSubmit={submit}>
      <div>
        <h2>{t('ownTitle')}</h2>
        <p class="soft">{t('ownLead')}</p>
      </div>
      {drafts.value.map((draft, at) => (
        <DocumentFields
          key={draft.key}
          draft={draft}
          number={at + 1}
          pointer={pointerOf(written.indexOf(draft))}
          onChange={(changed) => change(at, changed)}
          {...(drafts.value.length > 1 && {
            onDrop: () => void (drafts.value = drafts.value.filter((_, index) => index !== at)),
          })}
        />
      ))}
      <button
        type="button"
        class="quiet start"
        onClick={() => (drafts.value = [...drafts.value, emptyDraft()])}
      >
        <Icon name="plus" />
        {t('addDocument')}
      </button>
      <label>
        {t('prompt')}
        <input
          value={prompt.value}
          placeholder={t('promptHint')}
          onInput={({ currentTarget }) => (prompt.value = currentTarget.value)}
        />
      </label>
      {failure.value && (
        <Faults
          error={failure.value}
          texts={Object.fromEntries(written.map(({ text }, at) => [pointerOf(at), text]))}
        />
      )}
      <button
        type="submit"
        class="primary start"
        aria-disabled={isBusy.value}
        disabled={written.length === 0}
      >
        {t('start')}
      </button>
    </form>
  );
}
