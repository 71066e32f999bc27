import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call, callErrorOf, type CallError } from '../api.ts';
import { useButtonWork } from '../button-work.ts';
import { Faults } from '../faults.tsx';
import { Lamp } from '../lamp.tsx';
import { t } from '../language.ts';
import { go, hrefOf } from '../route.ts';
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
  tools: number;
  fault?: string;
  state: { reachable: boolean | null; lastError: string | null };
}

const known = signal<readonly KnownDevice[] | undefined>(undefined);

/** The devices that the user may use, or one of them. */
export function DevicesPage({ item }: { item: string }) {
  return item === '' ? <DeviceList /> : <DevicePage key={item} name={item} />;
}

/** Every device: its state, a check, and a conversation; and a form for a new one. */
function DeviceList() {
  const failure = useSignal<CallError | undefined>(undefined);
  const read = (): void => {
    call<KnownDevice[]>('GET', '/api/devices').then(
      (devices) => (known.value = devices),
      (error: unknown) => (failure.value = callErrorOf(error)),
    );
  };
  useEffect(read, []);
  return (
    <div class="page">
      <h1>{t('devices')}</h1>
      {failure.value && <Faults error={failure.value} />}
      {known.value?.length === 0 && <p class="soft">{t('noDevices')}</p>}
      {known.value?.map((device) => (
        <DeviceCard key={device.name} device={device} />
      ))}
      <AddDevice onAdded={read} />
    </div>
  );
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
  };
  const talk = async (): Promise<void> => go('talk', await createSession(title, [], '', [name]));
  const { reachable, detail } = reach.value;
  const isUsable = enabled && fault === undefined;
  const lamp = !isUsable || reachable === false ? 'red' : reachable === null ? 'amber' : 'green';
  const stateKey = reachable === null ? 'deviceUntried' : reachable ? 'deviceReachable' : 'deviceSilent';
  return (
    <section class="card">
      <h2>
        <a href={hrefOf('devices', name)}>{title}</a>
      </h2>
      <p>
        <Lamp color={lamp} />
        {isUsable ? t(stateKey) : (fault ?? t('deviceDisabled'))}
        {isUsable && detail !== undefined && <span class="soft small"> {detail}</span>}
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
