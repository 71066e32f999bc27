import { useSignal } from '@preact/signals';
import { t } from '../language.ts';
import { modelHere, type ModelHere } from './model-here.ts';
import { tryModel } from './model-trial.ts';

/** Endpoints that many people have. The model's name is an example that the service knows. */
const services = [
  { name: 'OpenAI', baseUrl: 'https://api.openai.com/v1', model: 'gpt-4o-mini' },
  { name: 'Ollama', baseUrl: 'http://127.0.0.1:11434/v1', model: 'qwen3' },
  { name: 'LM Studio', baseUrl: 'http://127.0.0.1:1234/v1', model: 'qwen/qwen3-8b' },
  { name: 'DeepSeek', baseUrl: 'https://api.deepseek.com/v1', model: 'deepseek-chat' },
  { name: 'Qwen', baseUrl: 'https://dashscope.aliyuncs.com/compatible-mode/v1', model: 'qwen-plus' },
] as const;

/** The lines for `.env.local` that connect a model. */
function linesOf({ baseUrl, apiKey, model }: ModelHere): string {
  return [`baseUrl=${baseUrl}`, ...(apiKey === undefined ? [] : [`apiKey=${apiKey}`]), `model=${model}`].join(
    '\n',
  );
}

/** Tries a model of one's own, and says how to keep it. */
export function ConnectModel() {
  const form = useSignal<{ baseUrl: string; apiKey: string; model: string }>({ ...services[0], apiKey: '' });
  const result = useSignal<{ ok: boolean; text: string } | undefined>(undefined);
  const isBusy = useSignal(false);
  // Without a key where the field is empty: an endpoint on this machine has none.
  const wanted = (): ModelHere => {
    const { baseUrl, apiKey, model } = form.value;
    return {
      baseUrl: baseUrl.trim(),
      model: model.trim(),
      ...(apiKey.trim() !== '' && { apiKey: apiKey.trim() }),
    };
  };
  const set = (changes: Partial<typeof form.value>): void => {
    form.value = { ...form.value, ...changes };
    // An answer about other fields would mislead.
    result.value = undefined;
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy.value) return;
    isBusy.value = true;
    result.value = await tryModel(wanted());
    isBusy.value = false;
  };
  return (
    <form class="card stack" onSubmit={(event) => void submit(event)}>
      <div>
        <h2>{t('connectTitle')}</h2>
        <p class="soft">{t('connectLead')}</p>
      </div>
      <Fields form={form.value} set={set} />
      <button type="submit" class="primary start" aria-disabled={isBusy.value}>
        {t(isBusy.value ? 'modelAsking' : 'test')}
      </button>
      {result.value && (
        <p class={result.value.ok ? 'good' : 'fault'} role="status">
          {result.value.text}
        </p>
      )}
      {result.value?.ok && <Keep model={wanted()} />}
    </form>
  );
}

function Fields({
  form,
  set,
}: {
  form: { baseUrl: string; apiKey: string; model: string };
  set(changes: Partial<{ baseUrl: string; apiKey: string; model: string }>): void;
}) {
  const chosen = services.find(({ baseUrl }) => baseUrl === form.baseUrl)?.name ?? '';
  const choose = (name: string): void => {
    const { baseUrl = '', model = '' } = services.find((service) => service.name === name) ?? {};
    set({ baseUrl, model });
  };
  return (
    <div class="fields">
      <label>
        {t('preset')}
        <select value={chosen} onChange={({ currentTarget }) => choose(currentTarget.value)}>
          {services.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
          <option value="">{t('presetOther')}</option>
        </select>
      </label>
      <label>
        {t('baseUrl')}
        <input
          type="url"
          required
          value={form.baseUrl}
          onInput={({ currentTarget }) => set({ baseUrl: currentTarget.value })}
        />
      </label>
      <label>
        {t('modelName')}
        <input
          required
          value={form.model}
          onInput={({ currentTarget }) => set({ model: currentTarget.value })}
        />
      </label>
      <label>
        {t('apiKey')}
        <input
          type="password"
          autocomplete="off"
          placeholder={t('apiKeyHint')}
          value={form.apiKey}
          onInput={({ currentTarget }) => set({ apiKey: currentTarget.value })}
        />
      </label>
    </div>
  );
}

/** Two ways to keep a model that answers: for the server, and for this tab. */
function Keep({ model }: { model: ModelHere }) {
  const isCopied = useSignal(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(linesOf(model));
    isCopied.value = true;
  };
  const shown = { ...model, ...(model.apiKey !== undefined && { apiKey: '…' }) };
  return (
    <div class="stack">
      <div>
        <h3>{t('lines')}</h3>
        <pre class="code">{linesOf(shown)}</pre>
      </div>
      <div class="row">
        {/* A browser has no clipboard for the page of a server elsewhere that is not on https. */}
        {'clipboard' in navigator && (
          <button type="button" onClick={() => void copy()}>
            {t(isCopied.value ? 'copied' : 'copy')}
          </button>
        )}
        {modelHere.value ? (
          <span class="good small">{t('usedHere')}</span>
        ) : (
          <button type="button" onClick={() => (modelHere.value = model)}>
            {t('useHere')}
          </button>
        )}
      </div>
    </div>
  );
}
