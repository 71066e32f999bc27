import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call, CallError } from '../api.ts';
import { t } from '../language.ts';
import { hrefOf } from '../route.ts';
import { Faults } from '../talk/faults.tsx';
import { AuditRows } from './audit-rows.tsx';
import { ToolCard, type ShownTool } from './tool-card.tsx';

/** A device as the server shows it. */
interface ShownDevice {
  title: string;
  version: number;
  kind: string;
  rulesInWords?: string[];
}

/** One device: its rules in words, its tools with forms, and the writes that were tried. */
export function DevicePage({ name }: { name: string }) {
  const device = useSignal<ShownDevice | undefined>(undefined);
  const tools = useSignal<readonly ShownTool[]>([]);
  const failure = useSignal<CallError | undefined>(undefined);
  /** Counts the calls that were made here, so that the audit rows are read again. */
  const calls = useSignal(0);
  useEffect(() => {
    const path = `/api/devices/${encodeURIComponent(name)}`;
    Promise.all([call<ShownDevice>('GET', path), call<{ tools: ShownTool[] }>('GET', `${path}/tools`)]).then(
      ([shown, described]) => {
        device.value = shown;
        tools.value = described.tools;
      },
      (error: unknown) =>
        (failure.value = error instanceof CallError ? error : new CallError(0, String(error))),
    );
  }, [name]);
  const { title, kind, version = 0, rulesInWords = [] } = device.value ?? {};
  return (
    <div class="page">
      <p>
        <a href={hrefOf('devices')}>{t('devices')}</a>
      </p>
      <h1>{title ?? name}</h1>
      {failure.value && <Faults error={failure.value} />}
      {device.value && (
        <>
          <p class="soft small">
            {t('deviceFacts', { name, kind: kind ?? '', version, tools: tools.value.length })}
          </p>
          <section class="card">
            <h2>{t('deviceRulesTitle')}</h2>
            {rulesInWords.length === 0 && <p class="soft">{t('deviceNoRules')}</p>}
            <ul class="plain">
              {rulesInWords.map((rule) => (
                <li key={rule}>{rule}</li>
              ))}
            </ul>
          </section>
          <h2>{t('deviceTools')}</h2>
          {tools.value.map((tool) => (
            <ToolCard key={tool.name} device={name} tool={tool} onCalled={() => (calls.value += 1)} />
          ))}
          <AuditRows device={name} calls={calls.value} />
        </>
      )}
    </div>
  );
}
