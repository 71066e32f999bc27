import type { Chat } from '../../chats/chats.ts';

/** An id of this dialect. */
export const id = { type: 'integer', minimum: 1, maximum: 2_147_483_647 } as const;
export const ids = {
  type: 'object',
  required: ['ids'],
  properties: { ids: { type: 'array', items: id, maxItems: 1000 } },
} as const;

/** What only this server may say in a request to a model. */
const reserved = ['model', 'messages', 'stream', 'stream_options', 'tools', 'tool_choice', 'functions', 'n'];

/** More fields of a request to a model, as its endpoint names them. */
export const params = {
  type: 'object',
  description: `fields of a chat completion, none of ${reserved.join(', ')}`,
  propertyNames: { pattern: '^[A-Za-z]\\w{0,63}$', not: { enum: reserved } },
  properties: {
    temperature: { type: 'number', minimum: 0, maximum: 2 },
    top_p: { type: 'number', minimum: 0, maximum: 1 },
    max_tokens: id,
  },
  additionalProperties: {},
} as const;

export const baseUrl = {
  type: 'string',
  pattern: '^https?://.',
  maxLength: 2000,
  description: 'an http or https URL',
} as const;
/** A text that every database keeps. */
export const line = { type: 'string', minLength: 1, maxLength: 200, pattern: '^[^\\u0000]*$' } as const;

/** A conversation as it is listed. */
export function conversationOf({ id: conversation, title, updatedAt, modelConfigId }: Chat) {
  return {
    conversation_id: conversation,
    title,
    update_at: new Date(updatedAt).toISOString(),
    model_config_id: modelConfigId,
  };
}
