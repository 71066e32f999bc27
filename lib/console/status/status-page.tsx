import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { callErrorOf, type CallError } from '../api.ts';
import { Faults } from '../faults.tsx';
import { Lamp } from '../lamp.tsx';
import { t } from '../language.ts';
import { unsafeText } from '../server-words.ts';
import { durationText } from '../time.ts';
import { ConnectModel } from './connect-model.tsx';
import { tryModel } from './model-trial.ts';
import { readStatus, status, type ServerStatus } from './server-status.ts';

const READ_EVERY_MS = 10_000;

/** The state of the server, and how to connect a model. */
export function StatusPage() {
  const failure = useSignal<CallError | undefined>(undefined);
  useEffect(() => {
    const read = (): void => {
      readStatus().then(
        () => (failure.value = undefined),
        (error: unknown) => (failure.value = callErrorOf(error)),
      );
    };
    read();
    const timer = setInterval(read, READ_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="page">
      <h1>{t('status')}</h1>
      {failure.value && <Faults error={failure.value} />}
      {status.value ? <State state={status.value} /> : <p class="soft">{t('loading')}</p>}
      <ConnectModel />
    </div>
  );
}

function State({ state }: { state: ServerStatus }) {
  return (
    <>
      <ModelState {...state.model} />
      <section class="card">
        <h2>{t('serverTitle')}</h2>
        <ServerFacts {...state} />
      </section>
      <section class="card">
        <h2>{t('unsafeTitle')}</h2>
        <UnsafeList unsafe={state.unsafe} />
      </section>
    </>
  );
}

function ModelState({ demo, name, host }: ServerStatus['model']) {
  const result = useSignal<{ ok: boolean; text: string } | undefined>(undefined);
  const isBusy = useSignal(false);
  const ask = async (): Promise<void> => {
    if (isBusy.value) return;
    isBusy.value = true;
    result.value = await tryModel();
    isBusy.value = false;
  };
  return (
    <section class="card">
      <h2>{t('modelTitle')}</h2>
      <p>
        <Lamp color={demo ? 'amber' : 'green'} />
        {demo ? t('modelDemo') : t('modelAt', { name, host: host ?? '' })}
      </p>
      {demo && <p class="soft">{t('demoLead')}</p>}
      <button type="button" aria-disabled={isBusy.value} onClick={() => void ask()}>
        {t(isBusy.value ? 'modelAsking' : 'modelAsk')}
      </button>
      {result.value && (
        <p class={result.value.ok ? 'good' : 'fault'} role="status">
          {result.value.text}
        </p>
      )}
    </section>
  );
}

function ServerFacts({ version, uptimeSeconds, database: { kind, ms }, nodes }: ServerStatus) {
  // null: the database does not answer.
  const isUp = ms !== null;
  return (
    <dl class="facts">
      <dt>{t('version')}</dt>
      <dd>{version}</dd>
      <dt>{t('uptime')}</dt>
      <dd>{durationText(uptimeSeconds * 1000)}</dd>
      <dt>{t('database')}</dt>
      <dd>
        <Lamp color={isUp ? 'green' : 'red'} />
        {isUp
          ? t('databaseOk', { kind: nameOf(kind), ms: durationText(ms) })
          : t('databaseBad', { kind: nameOf(kind) })}
      </dd>
      <dt>{t('nodes')}</dt>
      <dd>{nodes}</dd>
    </dl>
  );
}

/** The name of a database by the scheme of its URL. */
function nameOf(kind: string): string {
  return kind === 'sqlite' ? 'SQLite' : kind.startsWith('postgres') ? 'PostgreSQL' : kind;
}

/** The settings that are unsafe, for callers who may see them. */
function UnsafeList({ unsafe }: Pick<ServerStatus, 'unsafe'>) {
  if (unsafe === null) return <p class="soft">{t('unsafeHidden')}</p>;
  if (unsafe.length === 0)
    return (
      <p>
        <Lamp color="green" />
        {t('unsafeNone')}
      </p>
    );
  return (
    <ul class="plain">
      {unsafe.map((one) => (
        <li key={one.setting}>
          <Lamp color="amber" />
          <span>
            <code>{one.setting}</code> {unsafeText(one)}
          </span>
        </li>
      ))}
    </ul>
  );
}
