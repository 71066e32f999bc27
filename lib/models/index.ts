import type { Model, ModelConfig } from '../core/model.ts';
import { createDemoModel } from './demo.ts';
import { connectOpenAi, type OpenAiOptions } from './openai.ts';

/** The language models of a server. */
export interface Models {
  /**
   * Opens a model, without a request. Throws an AppError `invalid_request` for a config that cannot work. With
   * `ownKey: false` the key of the settings is never used.
   */
  open(config?: ModelConfig, options?: { ownKey?: boolean }): Model;
}

/** How models are reached, and the settings behind them. */
export interface ModelsOptions extends OpenAiOptions {
  /** The settings, for the fields that a config leaves out. The key goes to this base URL and to no other. */
  defaults?: { baseUrl?: string | undefined; apiKey?: string | undefined; model?: string | undefined };
}

const OPENAI_BASE_URL = 'https://api.openai.com/v1';
const DEFAULTS = { model: 'gpt-4o-mini', temperature: 0, maxTokens: 4096, topP: 1 };

/** Models by their configuration, merged over the settings. Without a base URL and a key it is the offline demo model. */
export function openModels({ defaults = {}, ...options }: ModelsOptions): Models {
  const openOpenAi = connectOpenAi(options);
  const demo = createDemoModel();
  const ownBaseUrl = filled(defaults.baseUrl);
  const ownKey = filled(defaults.apiKey);

  return {
    open(config = {}, { ownKey: mayUseOwnKey = true } = {}) {
      const key = filled(config.apiKey);
      const baseUrl = filled(config.baseUrl) ?? ownBaseUrl;
      if (baseUrl === undefined && key === undefined && ownKey === undefined) return demo;
      const address = baseUrl ?? OPENAI_BASE_URL;
      const isOwn = mayUseOwnKey && sameUrl(address, ownBaseUrl ?? OPENAI_BASE_URL);
      const apiKey = key ?? (isOwn ? ownKey : undefined);
      return openOpenAi({
        baseUrl: address,
        model: filled(config.model) ?? filled(defaults.model) ?? DEFAULTS.model,
        temperature: config.temperature ?? DEFAULTS.temperature,
        maxTokens: config.maxTokens ?? DEFAULTS.maxTokens,
        topP: config.topP ?? DEFAULTS.topP,
        ...(config.extra === undefined ? {} : { extra: config.extra }),
        ...(apiKey === undefined ? {} : { apiKey }),
      });
    },
  };
}

function filled(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === '' ? undefined : trimmed;
}

function sameUrl(a: string, b: string): boolean {
  const normal = (text: string) => (URL.canParse(text) ? new URL(text).href : text).replace(/\/+$/, '');
  return normal(a) === normal(b);
}
