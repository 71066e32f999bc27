import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { announce } from '../announcer.tsx';
import { call, callErrorOf, type CallError } from '../api.ts';
import { useButtonWork } from '../button-work.ts';
import { Faults } from '../faults.tsx';
import { Lamp } from '../lamp.tsx';
import { counted, t } from '../language.ts';
import { go, hrefOf } from '../route.ts';
import { sentenceText } from '../server-words.ts';
import { status } from '../status/server-status.ts';
import { createSession } from '../talk/sessions.ts';
import { AddDevice } from './add-device.tsx';
import { FactsLine } from './facts-line.tsx';
import { DevicePage } from './device-page.tsx';

/** A device that the server knows (`GET /api/devices`). */
interface KnownDevice {
  name: string;
  title: string;
  kind: string;
  version: number;
  enabled: boolean;
  /** How many tools it has. */
  tools: number;
  /** Why it cannot be used. */
  fault?: string;
  /** The outcome of the last call or check; `reachable` is null while nobody has tried it. */
  state: { reachable: boolean | null; lastError: string | null };
}

/** From so many devices on, a field finds them by name. */
const FILTER_FROM_COUNT = 8;

/** The list as it was last read: it stands at once when somebody comes back to the page. */
const known = signal<readonly KnownDevice[] | undefined>(undefined);

/** The devices that the user may use, or one of them. */
export function DevicesPage({ item }: { item: string }) {
  return item === '' ? <DeviceList /> : <DevicePage key={item} name={item} />;
}

/** Every device: its state, a check, and a conversation; and a form for a new one. */
function DeviceList() {
  const failure = useSignal<CallError | undefined>(undefined);
  const filter = useSignal('');
  const read = (): void => {
    call<KnownDevice[]>('GET', '/api/devices').then(
      (devices) => (known.value = devices),
      (error: unknown) => (failure.value = callErrorOf(error)),
    );
  };
  useEffect(read, []);
  const found = devicesWith(filter.value);
  return (
    <div class="page">
      <h1>{t('devices')}</h1>
      {failure.value && <Faults error={failure.value} />}
      {known.value?.length === 0 && (
        <p class="soft">{t(status.value?.may.manageDevices ? 'noDevicesHere' : 'noDevices')}</p>
      )}
      <AddDevice onAdded={read} />
      {(known.value?.length ?? 0) > FILTER_FROM_COUNT && (
        <label>
          {t('deviceFilter')}
          <input
            type="search"
            value={filter.value}
            onInput={({ currentTarget }) => (filter.value = currentTarget.value)}
          />
        </label>
      )}
      {filter.value !== '' && <p role="status">{counted(found.length, 'deviceOne', 'devicesCount')}</p>}
      {found.map((device) => (
        <DeviceCard key={device.name} device={device} />
      ))}
    </div>
  );
}

/** The devices whose name or title has a text. */
function devicesWith(text: string): readonly KnownDevice[] {
  const wanted = text.trim().toLowerCase();
  return (known.value ?? []).filter(({ name, title }) => `${title} ${name}`.toLowerCase().includes(wanted));
}

/** The key of the words for the state of a device; null: nobody has tried it. */
function stateOf(reachable: boolean | null) {
  if (reachable === null) return 'deviceUntried';
  return reachable ? 'deviceReachable' : 'deviceSilent';
}

function DeviceCard({
  device: { name, title, kind, version, enabled, tools, fault, state },
}: {
  device: KnownDevice;
}) {
  const reach = useSignal<{ reachable: boolean | null; detail?: string }>({
    reachable: state.reachable,
    ...(state.lastError !== null && { detail: state.lastError }),
  });
  const { failure, begin } = useButtonWork();
  const check = async (): Promise<void> => {
    reach.value = await call('POST', `/api/devices/${encodeURIComponent(name)}/check`, {});
    announce(`${title} ${t(stateOf(reach.value.reachable))}`);
  };
  // A house has several devices of one make: their names tell them apart.
  const isTwin = known.value?.some((other) => other.title === title && other.name !== name);
  const talk = async (): Promise<void> =>
    go('talk', await createSession(isTwin ? `${title} · ${name}` : title, [], '', [name]));
  const { reachable, detail } = reach.value;
  const isUsable = enabled && fault === undefined;
  const lamp = !isUsable || reachable === false ? 'red' : reachable === null ? 'amber' : 'green';
  return (
    <section class="card">
      <h2>
        <a href={hrefOf('devices', name)}>{title}</a>
        {isTwin && (
          <>
            {' '}
            <code class="soft">{name}</code>
          </>
        )}
      </h2>
      <p>
        <Lamp color={lamp} />
        {isUsable ? t(stateOf(reachable)) : sentenceText(fault ?? t('deviceDisabled'))}
        {isUsable && detail !== undefined && <span class="soft small"> {sentenceText(detail)}</span>}
      </p>
      <FactsLine name={name} kind={kind} version={version} tools={tools} />
      {failure.value && <Faults error={failure.value} />}
      <div class="row">
        <button type="button" disabled={!isUsable} onClick={() => begin(talk)}>
          {t('deviceTalk')}
        </button>
        <button type="button" disabled={!isUsable} onClick={() => begin(check)}>
          {t('deviceCheck')}
        </button>
      </div>
    </section>
  );
}
