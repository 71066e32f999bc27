import { originOf } from '../common/origin-of.ts';
import type { OriginTurns } from '../common/origin-turns.ts';
import { withoutEnd } from '../common/without-end.ts';
import type { Model, ModelConfig } from '../core/model.ts';
import { AppError } from '../errors.ts';
import type { ModelProvider, ProviderContext } from './provider.ts';
import { withoutKey } from './without-key.ts';
import { withTurns } from './with-turns.ts';
import { defaultProviders, OPENAI_BASE_URL } from './providers.ts';

/** The language models of a server. */
export interface Models {
  /**
   * Opens a model, without a request. Throws an AppError `invalid_request` for a config that cannot work. With
   * `ownKey: false` the key of the settings is never used. `party` is the user for whom it replies; missing for the server's own work.
   */
  open(config?: ModelConfig, options?: { ownKey?: boolean; party?: string }): Model;
}

/** How models are reached, and the settings behind them. */
export interface ModelsOptions extends ProviderContext {
  /** The settings, for the fields that a config leaves out. The key goes to this base URL and to no other. */
  defaults?: { baseUrl?: string | undefined; apiKey?: string | undefined; model?: string | undefined };
  /** The providers to choose from, the first that knows a configuration. */
  providers?: readonly ModelProvider[];
  /** The turns of requests to each origin; without them the first ones may take all connections. */
  turns?: OriginTurns;
}

/** Models by their configuration, merged over the settings. */
export function openModels({
  defaults = {},
  providers = defaultProviders,
  turns,
  ...context
}: ModelsOptions): Models {
  const openers = providers.map((provider) => provider.connect(context));
  return {
    open(config = {}, { ownKey = true, party } = {}) {
      const merged = mergeSettings(config, defaults, ownKey);
      for (const open of openers) {
        const model = open(merged);
        if (!model) continue;
        const origin = originOf(merged.baseUrl);
        const clean = withoutKey(model, merged.apiKey);
        return turns && origin !== undefined
          ? withTurns(clean, turns, { origin, party, timeoutMs: context.timeoutMs })
          : clean;
      }
      throw new AppError(
        'invalid_request',
        `No model provider knows the endpoint "${merged.baseUrl ?? ''}".`,
      );
    },
  };
}

/** The configuration with the settings for missing fields. The key of the settings goes to its own base URL only. */
function mergeSettings(
  { baseUrl, apiKey, model, ...config }: ModelConfig,
  defaults: NonNullable<ModelsOptions['defaults']>,
  mayUseOwnKey: boolean,
): ModelConfig {
  const ownBaseUrl = filled(defaults.baseUrl);
  // A key alone, in the settings, means OpenAI.
  const usual = filled(defaults.apiKey) === undefined ? undefined : OPENAI_BASE_URL;
  const address = filled(baseUrl) ?? ownBaseUrl ?? usual;
  const isOwn = mayUseOwnKey && sameUrl(address ?? OPENAI_BASE_URL, ownBaseUrl ?? OPENAI_BASE_URL);
  const key = filled(apiKey) ?? (isOwn ? filled(defaults.apiKey) : undefined);
  const name = filled(model) ?? filled(defaults.model);
  return {
    ...config,
    ...(address !== undefined && { baseUrl: address }),
    ...(key !== undefined && { apiKey: key }),
    ...(name !== undefined && { model: name }),
  };
}

/** An empty or blank text counts as missing. */
function filled(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === '' ? undefined : trimmed;
}

/** Whether two texts are the same address, apart from a slash at the end. */
function sameUrl(a: string, b: string): boolean {
  const normal = (text: string) => withoutEnd(URL.canParse(text) ? new URL(text).href : text, '/');
  return normal(a) === normal(b);
}
