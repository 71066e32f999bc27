import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from '../api.ts';
import { useButtonWork } from '../button-work.ts';
import { Faults } from '../faults.tsx';
import { t } from '../language.ts';
import { saidFailure, type ShownFailure } from '../server-words.ts';
import { ArgumentField, enteredArguments, type ArgumentSchema } from './argument-field.tsx';
import { keepReading } from './readings.ts';

/** A tool of a device, as `lite-agent tools --json` prints it. */
export interface ShownTool {
  name: string;
  description: string;
  operation: string;
  effect: 'read' | 'write';
  /** The JSON Schema of the arguments: an object with these members. */
  parameters: { properties?: Record<string, ArgumentSchema>; required?: string[] };
}

/** The time between two readings of a value that somebody watches. */
const WATCH_EVERY_MS = 2000;

interface ToolCardProps {
  device: string;
  tool: ShownTool;
  /** Called after each write, a dry run included. */
  onWritten(): void;
}

/** A tool with a form for its arguments. A write is tried as a dry run first, unless somebody sends it at once. */
export function ToolCard({ device, tool, onWritten }: ToolCardProps) {
  const { name, description, operation, effect, parameters } = tool;
  const given = useSignal<Readonly<Record<string, string>>>({});
  const result = useSignal<unknown>(undefined);
  const isWatching = useSignal(false);
  const { isBusy, failure, begin } = useButtonWork();
  const { properties = {}, required = [] } = parameters;
  // A call that failed at the device is an answer, and no refusal of the server.
  const failed = (result.value as { error?: ShownFailure } | undefined)?.error;
  const send = (dryRun: boolean): void =>
    begin(async () => {
      const path = `/api/devices/${encodeURIComponent(device)}/tools/${encodeURIComponent(name)}`;
      const args = enteredArguments(properties, given.value);
      const answer = await call('POST', path, { arguments: args, ...(dryRun && { dryRun }) });
      result.value = answer;
      if (effect === 'read') keepReading(device, name, answer, Date.now());
      else onWritten();
    });
  useEffect(() => {
    if (!isWatching.value) return undefined;
    // A device that is slow is read again when it has answered.
    const timer = setInterval(() => isBusy.value || send(false), WATCH_EVERY_MS);
    return () => clearInterval(timer);
  }, [isWatching.value]);
  const submit = (event: Event): void => {
    event.preventDefault();
    result.value = undefined;
    send(effect === 'write');
  };
  return (
    <form class="card stack" aria-label={name} onSubmit={submit}>
      <h3>
        <code>{name}</code>{' '}
        <span class={effect === 'write' ? 'warning small' : 'soft small'}>{t(effect)}</span>
      </h3>
      <p class="small">{description}</p>
      {operation !== name && <p class="soft small">{operation}</p>}
      {Object.entries(properties).map(([key, schema]) => (
        <ArgumentField
          key={key}
          name={key}
          schema={schema}
          isRequired={required.includes(key)}
          value={given.value[key] ?? ''}
          onChange={(value) => (given.value = { ...given.value, [key]: value })}
        />
      ))}
      <div class="row">
        <button type="submit" aria-disabled={isBusy.value && !isWatching.value}>
          {t(effect === 'write' ? 'dryRun' : 'readNow')}
        </button>
        {effect === 'write' ? (
          <button type="button" class="danger" aria-disabled={isBusy.value} onClick={() => send(false)}>
            {t('sendNow')}
          </button>
        ) : (
          <button type="button" onClick={() => (isWatching.value = !isWatching.value)}>
            {t(isWatching.value ? 'watchEnd' : 'watch')}
          </button>
        )}
      </div>
      {isBusy.value && !isWatching.value && <p class="soft small">{t('callWaits')}</p>}
      {failure.value && <Faults error={failure.value} />}
      {/* A value that is watched would be read aloud every two seconds. */}
      <div class="stack" role={isWatching.value ? undefined : 'status'}>
        {failed !== undefined && <p class="fault small">{saidFailure(failed)}</p>}
        {result.value !== undefined && (
          <pre class="code" tabIndex={0}>
            {JSON.stringify(result.value, undefined, 2)}
          </pre>
        )}
      </div>
    </form>
  );
}
