import type { RouteSchema } from '../../server/mount.ts';

const uuid = { type: 'string', format: 'uuid' } as const;
const text = { type: 'string' } as const;
const seconds = { type: 'integer', description: 'unix seconds' } as const;
/** The same schema, or null: every field is there. */
const orNull = (schema: object): object => ({ anyOf: [schema, { type: 'null' }] });

/** The shape of a success (contract 3); without `data` its data are empty. */
export function successShape(data: object = { type: 'object', maxProperties: 0 }): RouteSchema {
  return objectOf({ code: { const: 'success' }, data, message: text });
}

/** The shape of a page of items. */
export function pageShape(item: object): object {
  const count = { type: 'integer', minimum: 0 };
  const paginator = objectOf({
    current_page: count,
    page_size: count,
    total_page: count,
    total_record: count,
  });
  return objectOf({ list: { type: 'array', items: item }, paginator });
}

/** An object with all of these properties, and no others. */
export function objectOf(properties: Readonly<Record<string, object>>): RouteSchema {
  return { type: 'object', required: Object.keys(properties), properties, additionalProperties: false };
}

const configShape = objectOf({
  id: uuid,
  model_config: {
    type: 'object',
    required: ['dialog_round'],
    description: 'as it was sent, with its keys masked',
    properties: { dialog_round: { type: 'integer', minimum: 0 } },
  },
  memory_mode: { enum: ['long_term_memory', 'none'] },
  status: { enum: ['drafted', 'published'] },
  updated_at: seconds,
  created_at: seconds,
});

/** An app with its configurations. */
export const appShape = objectOf({
  id: uuid,
  name: text,
  icon: text,
  description: text,
  published_app_config_id: orNull(uuid),
  drafted_app_config_id: orNull(uuid),
  debug_conversation_id: orNull(uuid),
  published_app_config: orNull(configShape),
  drafted_app_config: orNull(configShape),
  updated_at: seconds,
  created_at: seconds,
});

/** A sentence and its answer. */
export const messageShape = objectOf({
  id: text,
  conversation_id: uuid,
  query: text,
  answer: text,
  /** The tokens that the model wrote for the turn, calls included. */
  answer_tokens: { type: 'integer', minimum: 0 },
  response_latency: { type: 'number', description: 'ms' },
  updated_at: seconds,
  created_at: seconds,
});

/** A published version of an app. */
export const publicationShape = objectOf({
  id: uuid,
  /** Counts from 1 for each app. The newest 50 versions are kept. */
  version: { type: 'integer', minimum: 1 },
  created_at: seconds,
});

/** A conversation with a published app. */
export const conversationShape = objectOf({ id: uuid, user: text, created_at: seconds });

/** The running summary of a conversation. */
export const summaryShape = objectOf({ summary: text });

/** The id of a new item. */
export const idShape = objectOf({ id: uuid });
