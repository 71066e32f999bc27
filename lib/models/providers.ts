import { createDemoModel } from './demo.ts';
import { isDemoModel } from './is-demo-model.ts';
import { connectOpenAi } from './openai.ts';
import type { ModelProvider } from './provider.ts';

/** The base URL of a configuration that has a key and no base URL. */
export const OPENAI_BASE_URL = 'https://api.openai.com/v1';
const DEFAULTS = { model: 'gpt-4o-mini', temperature: 0, maxTokens: 4096, topP: 1 };

/** The offline demo model, for a configuration without a base URL and a key. */
export const demoProvider: ModelProvider = {
  name: 'demo',
  connect() {
    const demo = createDemoModel();
    return (config) => (isDemoModel(config) ? demo : undefined);
  },
};

/** Every endpoint that speaks OpenAI's chat completions. */
export const openAiProvider: ModelProvider = {
  name: 'openai',
  connect(context) {
    const open = connectOpenAi(context);
    return ({ baseUrl = OPENAI_BASE_URL, apiKey, extra, ...config }) =>
      open({
        ...DEFAULTS,
        ...config,
        baseUrl,
        ...(extra === undefined ? {} : { extra }),
        ...(apiKey === undefined ? {} : { apiKey }),
      });
  },
};

/** The providers of a server that names no others. */
export const defaultProviders: readonly ModelProvider[] = [demoProvider, openAiProvider];
