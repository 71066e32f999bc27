import type { ModelConfigChange, StoredModelConfig } from '../../agents/model-configs.ts';
import { masked } from '../../common/masked-secrets.ts';
import type { JsonObject } from '../../common/json.ts';
import type { Principal } from '../../core/principal.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import { accountOf } from '../account.ts';
import type { Parts } from '../dialect.ts';
import { apiKey, baseUrl, exactFields, id, ids, line, params } from './shapes.ts';

/** The most configurations of a user without this scope. */
const LIMIT = 3;
/** A right of a user beside those of the role (core/principal.ts: Account.scopes). */
const SCOPE = 'add_more_model_config';

const fields = {
  name: line,
  base_url: baseUrl,
  model_name: line,
  api_key: apiKey,
  params,
} as const;
const nothing = { type: 'object' } as const;
/** A model on the user's own machine, which needs no key. */
const exampleConfig = {
  name: 'At home',
  base_url: 'http://127.0.0.1:11434/v1',
  model_name: 'qwen3:8b',
  api_key: 'ollama',
  params: { temperature: 0 },
} as const;

type ModelParts = Pick<Parts, 'modelConfigs' | 'models'>;

/** The model configurations of a user. */
export function createModelRoutes(parts: ModelParts): Route[] {
  return [
    listConfigs(parts),
    canCreate(parts),
    createConfig(parts),
    updateConfig(parts),
    removeConfigs(parts),
  ];
}

/** A mask such as `sk-…1d9a` lets users tell their keys apart, and nobody can use it. */
function listConfigs({ modelConfigs }: ModelParts): Route {
  return route({
    method: 'GET',
    path: '/model_config',
    summary: "The user's models, their keys masked.",
    access: 'look',
    answer: { type: 'object', required: ['configs'], properties: { configs: { type: 'array' } } },
    async handle({ caller }) {
      accountOf(caller);
      return { configs: (await modelConfigs.list(caller.id)).map(shown) };
    },
  });
}

/** The client counts what it shows, the server what it stores. The larger number decides, and `create` checks it again. */
function canCreate({ modelConfigs }: ModelParts): Route {
  return route({
    method: 'POST',
    path: '/model_config/can_create',
    summary: 'Says whether the user may store one more.',
    access: 'look',
    body: {
      type: 'object',
      required: ['config_count'],
      examples: [{ config_count: 0 }],
      properties: { config_count: { type: 'integer', minimum: 0 } },
    },
    answer: {
      type: 'object',
      required: ['can_create', 'limit'],
      properties: { can_create: { type: 'boolean' }, limit: { type: ['integer', 'null'] } },
    },
    async handle({ caller, body }) {
      const limit = limitOf(caller);
      const count = Math.max(body.config_count, await modelConfigs.count(caller.id));
      return { can_create: limit === null || count < limit, limit };
    },
  });
}

/** The limit is enforced in the database, so that requests at the same time cannot pass it together. */
function createConfig({ modelConfigs, models }: ModelParts): Route {
  return route({
    method: 'POST',
    path: '/model_config/create',
    summary: 'Stores a model configuration.',
    access: 'chat',
    status: 201,
    exactFields,
    body: { type: 'object', required: ['base_url'], examples: [exampleConfig], properties: fields },
    answer: nothing,
    async handle({ caller, body }) {
      const limit = limitOf(caller);
      const config = readConfig(models, body);
      const filled = { ...config, apiKey: config.apiKey ?? '' };
      // Undefined: the owner has as many as the limit allows.
      const made = await modelConfigs.create(caller.id, filled, limit ?? Infinity);
      if (made) return shown(made);
      throw new AppError('forbidden', `You have ${LIMIT} model configurations already, which is the limit.`);
    },
  });
}

/** Clients send the whole configuration back; the key is masked or left out when it did not change. */
function updateConfig({ modelConfigs, models }: ModelParts): Route {
  return route({
    method: 'POST',
    path: '/model_config/update',
    summary: 'Changes a model configuration; a masked key, and none, leave the key unchanged.',
    access: 'chat',
    status: 202,
    exactFields,
    body: {
      type: 'object',
      required: ['base_url', 'config_id'],
      examples: [{ ...exampleConfig, config_id: 1 }],
      properties: { ...fields, config_id: id },
    },
    answer: nothing,
    async handle({ caller, body }) {
      accountOf(caller);
      if (await modelConfigs.update(caller.id, body.config_id, readConfig(models, body))) return {};
      throw new AppError('not_found', 'There is no such model configuration.');
    },
  });
}

/** One unknown id, and nothing is removed: the client's list is old then. */
function removeConfigs({ modelConfigs }: ModelParts): Route {
  return route({
    method: 'POST',
    path: '/model_config/delete',
    summary: 'Removes model configurations: all of them or none.',
    access: 'chat',
    status: 204,
    body: ids,
    async handle({ caller, body }) {
      accountOf(caller);
      if (await modelConfigs.remove(caller.id, body.ids)) return {};
      throw new AppError('not_found', 'There is no such model configuration.');
    },
  });
}

/** How many configurations a user may have; null for a user without a limit. */
function limitOf(caller: Principal): number | null {
  return accountOf(caller).scopes.includes(SCOPE) ? null : LIMIT;
}

/** The configuration in a body. Throws now for one that cannot work, and not only with the first message. */
function readConfig(
  models: Parts['models'],
  body: {
    name?: string;
    base_url: string;
    model_name?: string;
    api_key?: string;
    params?: unknown;
  },
): ModelConfigChange {
  const config = {
    name: body.name ?? '',
    baseUrl: body.base_url,
    modelName: body.model_name ?? '',
    // In an update, no key and a mask keep the stored one.
    apiKey: body.api_key,
    params: (body.params ?? {}) as JsonObject,
  };
  // A configuration may have no name of a model: each request names one then.
  models.open({ baseUrl: config.baseUrl, model: config.modelName || 'unnamed' });
  return config;
}

/** A configuration on the wire, its key masked. A field that is empty is null, as clients send it. */
function shown(stored: StoredModelConfig) {
  return {
    config_id: stored.id,
    name: stored.name || null,
    base_url: stored.baseUrl,
    model_name: stored.modelName || null,
    api_key: masked(stored.apiKey) || null,
    params: stored.params,
  };
}
