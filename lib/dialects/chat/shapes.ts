import type { Chat } from '../../chats/chats.ts';

/** An id of this dialect: a whole number of 32 bits, as the database has it. */
export const id = { type: 'integer', minimum: 1, maximum: 2_147_483_647 } as const;
/** A list of ids. */
export const ids = {
  type: 'object',
  required: ['ids'],
  examples: [{ ids: [1] }],
  properties: { ids: { type: 'array', items: id, maxItems: 1000 } },
} as const;

/** Fields of a request to a model that only this server may set. */
const reserved = ['model', 'messages', 'stream', 'stream_options', 'tools', 'tool_choice', 'functions', 'n'];

/** Other fields of a request to a model, with the names of its endpoint. */
export const params = {
  type: 'object',
  description: `fields of a chat completion, none of ${reserved.join(', ')}`,
  propertyNames: {
    pattern: '^[A-Za-z]\\w{0,63}$',
    not: { enum: reserved },
    description: `of letters, digits and underscores, and none of ${reserved.join(', ')}`,
  },
  properties: {
    temperature: { type: 'number', minimum: 0, maximum: 2 },
    top_p: { type: 'number', minimum: 0, maximum: 1 },
    // From 1, as an id.
    max_tokens: id,
  },
  additionalProperties: {},
} as const;

/** The fields of a body whose whole numbers keep each digit on their way to the model's endpoint, and back to the client. */
export const exactFields = ['params'];

/** The address of an endpoint. */
export const baseUrl = {
  type: 'string',
  pattern: '^[Hh][Tt][Tt][Pp][Ss]?://.',
  maxLength: 2000,
  description: 'an http or https URL',
} as const;
/** A short text that every database can store: PostgreSQL refuses the character 0. */
export const line = { type: 'string', minLength: 1, maxLength: 200, pattern: '^[^\\u0000]*$' } as const;

/** A key as a header can carry it. The ellipsis is that of a mask, which stands for a stored key. */
export const apiKey = {
  type: 'string',
  maxLength: 1000,
  pattern: '^[\\x21-\\x7e…]*$',
  description: 'printable ASCII',
} as const;

/** A conversation, as clients see it. */
export function conversationOf({ id: conversation, title, updatedAt, modelConfigId }: Chat) {
  return {
    conversation_id: conversation,
    title,
    // The contract's name.
    update_at: new Date(updatedAt).toISOString(),
    model_config_id: modelConfigId,
  };
}
