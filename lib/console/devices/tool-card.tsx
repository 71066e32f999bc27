import { useSignal } from '@preact/signals';
import { call, CallError } from '../api.ts';
import { t } from '../language.ts';
import { Faults } from '../talk/faults.tsx';
import { ArgumentField, enteredArguments, type ArgumentSchema } from './argument-field.tsx';

/** A tool of a device, as `lite-agent tools --json` prints it. */
export interface ShownTool {
  name: string;
  description: string;
  operation: string;
  effect: 'read' | 'write';
  parameters: { properties?: Record<string, ArgumentSchema>; required?: string[] };
}

/** A tool with a form for its arguments. A write is tried as a dry run first, unless somebody sends it at once. */
export function ToolCard({
  device,
  tool: { name, description, operation, effect, parameters },
  onCalled,
}: {
  device: string;
  tool: ShownTool;
  onCalled(): void;
}) {
  const given = useSignal<Readonly<Record<string, string>>>({});
  const result = useSignal<unknown>(undefined);
  const failure = useSignal<CallError | undefined>(undefined);
  const isBusy = useSignal(false);
  const { properties = {}, required = [] } = parameters;
  const send = (dryRun: boolean): void => {
    failure.value = undefined;
    result.value = undefined;
    isBusy.value = true;
    const path = `/api/devices/${encodeURIComponent(device)}/tools/${encodeURIComponent(name)}`;
    enteredArguments(properties, given.value)
      .then((args) => call('POST', path, { arguments: args, ...(dryRun && { dryRun }) }))
      .then((answer) => {
        result.value = answer;
        onCalled();
      })
      .catch((error: unknown) => {
        failure.value = error instanceof CallError ? error : new CallError(400, String(error));
      })
      .finally(() => (isBusy.value = false));
  };
  const submit = (event: Event): void => {
    event.preventDefault();
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
        <button type="submit" disabled={isBusy.value}>
          {t(effect === 'write' ? 'dryRun' : 'readNow')}
        </button>
        {effect === 'write' && (
          <button type="button" class="danger" disabled={isBusy.value} onClick={() => send(false)}>
            {t('sendNow')}
          </button>
        )}
      </div>
      {isBusy.value && <p class="soft small">{t('callWaits')}</p>}
      {failure.value && <Faults error={failure.value} />}
      {result.value !== undefined && (
        <pre class="code" role="status" tabIndex={0}>
          {JSON.stringify(result.value, undefined, 2)}
        </pre>
      )}
    </form>
  );
}
