import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call, callErrorOf, type CallError } from '../api.ts';
import { useButtonWork } from '../button-work.ts';
import { Faults } from '../faults.tsx';
import { Lamp } from '../lamp.tsx';
import { t } from '../language.ts';
import { go, hrefOf } from '../route.ts';
import { sentenceText } from '../server-words.ts';
import { status } from '../status/server-status.ts';
import { createSession, simulated } from '../talk/sessions.ts';
import { AuditRows } from './audit-rows.tsx';
import { FactsLine } from './facts-line.tsx';
import { DeviceRules, type ShownDevice } from './device-rules.tsx';
import { ToolCard, type ShownTool } from './tool-card.tsx';
import { ValueCurves } from './value-curves.tsx';

/** Buttons that begin a conversation: with the device, and with a simulated one of the same document. */
function TalkButtons({
  name,
  device: { title, openSpec, enabled, fault },
}: {
  name: string;
  device: ShownDevice;
}) {
  const { isBusy, failure, begin } = useButtonWork();
  // Only a document can be simulated: behind a URL there may be an endpoint that describes itself.
  const isDocument = typeof openSpec === 'string' ? !/^https?:/i.test(openSpec) : openSpec !== undefined;
  const isUsable = enabled && fault === undefined;
  const talk = async (): Promise<void> => go('talk', await createSession(title, [], '', [name]));
  const talkToTwin = async (): Promise<void> => {
    const text = typeof openSpec === 'string' ? openSpec : JSON.stringify(openSpec);
    const { title: _, ...twin } = await simulated(text);
    go('talk', await createSession(t('simulatedTitle', { title }), [twin]));
  };
  return (
    <>
      {!isUsable && (
        <p>
          <Lamp color="red" />
          {sentenceText(fault ?? t('deviceDisabled'))}
        </p>
      )}
      <div class="row">
        <button type="button" disabled={!isUsable} aria-disabled={isBusy.value} onClick={() => begin(talk)}>
          {t('deviceTalk')}
        </button>
        {isDocument && status.value?.simulates === true && (
          <button type="button" aria-disabled={isBusy.value} onClick={() => begin(talkToTwin)}>
            {t('simulatedTwin')}
          </button>
        )}
      </div>
      {failure.value && <Faults error={failure.value} />}
    </>
  );
}

/** One device: its rules in words, its last values, its tools with forms, and the writes that were tried. */
export function DevicePage({ name }: { name: string }) {
  const device = useSignal<ShownDevice | undefined>(undefined);
  const tools = useSignal<readonly ShownTool[]>([]);
  const failure = useSignal<CallError | undefined>(undefined);
  /** Counts the writes that were made here, so that the audit rows are read again. */
  const writes = useSignal(0);
  const read = async (): Promise<void> => {
    const path = `/api/devices/${encodeURIComponent(name)}`;
    const [shown, described] = await Promise.all([
      call<ShownDevice>('GET', path),
      call<{ tools: ShownTool[] }>('GET', `${path}/tools`),
    ]);
    device.value = shown;
    tools.value = described.tools;
  };
  const begin = (): void => void read().catch((error: unknown) => (failure.value = callErrorOf(error)));
  useEffect(begin, [name]);
  const shown = device.value;
  return (
    <div class="page">
      <p>
        <a href={hrefOf('devices')}>{t('devices')}</a>
      </p>
      <h1>{shown?.title ?? name}</h1>
      {failure.value && <Faults error={failure.value} />}
      {shown && (
        <>
          <FactsLine name={name} kind={shown.kind} version={shown.version} tools={tools.value.length} />
          <TalkButtons name={name} device={shown} />
          <DeviceRules name={name} device={shown} onSaved={begin} />
          <ValueCurves device={name} />
          <h2>{t('deviceTools')}</h2>
          {tools.value.map((tool) => (
            <ToolCard key={tool.name} device={name} tool={tool} onWritten={() => (writes.value += 1)} />
          ))}
          <AuditRows device={name} writes={writes.value} />
        </>
      )}
    </div>
  );
}
