import type { Model, ModelConfig } from '../core/model.ts';
import type { OpenAiOptions } from './openai.ts';

/** The way of a provider to its endpoints: a `fetch` that keeps the rules of egress, and the time-outs. */
export type ProviderContext = OpenAiOptions;

/**
 * A way to reach language models.
 *
 * Contract: `connect` makes no request. The function that it returns gives a model for a configuration that the provider
 * knows, and undefined for any other; it throws an AppError `invalid_request` for one that cannot work.
 */
export interface ModelProvider {
  readonly name: string;
  /** `config` is merged over the settings. It has no base URL and no key when nobody gave them. */
  connect(context: ProviderContext): (config: ModelConfig) => Model | undefined;
}
