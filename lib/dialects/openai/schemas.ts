/** The metadata of a client: at most 16 pairs, keys of at most 64 characters, values of at most 512. */
export const metadataSchema = {
  type: 'object',
  maxProperties: 16,
  propertyNames: { maxLength: 64, description: 'at most 64 characters long' },
  additionalProperties: { type: 'string', maxLength: 512 },
} as const;

/** Yes or no in a query. Python's clients write `True`. */
export const booleanInQuery = {
  type: 'string',
  pattern: '^([Tt]rue|TRUE|[Ff]alse|FALSE|1|0)$',
  description: 'true or false',
} as const;

/** Whether a text that fits `booleanInQuery` says yes. */
export function isTrueInQuery(text: string | undefined): boolean {
  return text !== undefined && /^(true|1)$/i.test(text);
}

/** A file's id. */
export const fileIdSchema = { type: 'string', minLength: 1, maxLength: 100 } as const;

/** The longest text of a message, in characters, as OpenAI has it. */
const TEXT_MAX_LENGTH = 256_000;

const detail = { enum: ['auto', 'low', 'high'] } as const;

/** A part of a client's message. Its type names the one of the three fields that it has. */
const contentPart = {
  type: 'object',
  required: ['type'],
  properties: {
    type: { enum: ['text', 'image_url', 'image_file'] },
    text: { type: 'string', minLength: 1, maxLength: TEXT_MAX_LENGTH },
    image_url: {
      type: 'object',
      required: ['url'],
      properties: {
        url: {
          type: 'string',
          pattern: '^([Hh][Tt][Tt][Pp][Ss]?://[^/]|data:image/)',
          description: 'an http, https or data:image URL',
        },
        detail,
      },
    },
    image_file: { type: 'object', required: ['file_id'], properties: { file_id: fileIdSchema, detail } },
  },
} as const;

/** Files that go with a message, and OpenAI's tools that may use them. The tools are stored and returned. */
const attachments = {
  type: 'array',
  maxItems: 20,
  items: {
    type: 'object',
    required: ['file_id'],
    properties: {
      file_id: fileIdSchema,
      tools: {
        type: 'array',
        maxItems: 10,
        items: {
          type: 'object',
          required: ['type'],
          properties: { type: { enum: ['code_interpreter', 'file_search'] } },
        },
      },
    },
  },
} as const;

/** A message that a client adds to a thread. */
export const newMessageSchema = {
  type: 'object',
  examples: [{ role: 'user', content: 'Turn on the light in the kitchen' }],
  required: ['role', 'content'],
  properties: {
    role: { enum: ['user', 'assistant'] },
    content: {
      anyOf: [
        { type: 'string', minLength: 1, maxLength: TEXT_MAX_LENGTH },
        { type: 'array', minItems: 1, maxItems: 100, items: contentPart },
      ],
      description: 'a text, or a list of text, image_url and image_file parts',
    },
    attachments,
    metadata: metadataSchema,
  },
} as const;

/** The resources of OpenAI's own tools. They are stored and returned, and have no effect. */
export const toolResourcesSchema = {
  type: 'object',
  properties: {
    code_interpreter: {
      type: 'object',
      properties: { file_ids: { type: 'array', maxItems: 20, items: fileIdSchema } },
    },
    file_search: {
      type: 'object',
      properties: { vector_store_ids: { type: 'array', maxItems: 1, items: fileIdSchema } },
    },
  },
} as const;

/** The answer of a deletion. */
export function deletedSchema(object: string) {
  return {
    type: 'object',
    required: ['id', 'object', 'deleted'],
    properties: { id: { type: 'string' }, object: { const: object }, deleted: { const: true } },
  } as const;
}

/** The shape of a page of items. */
export function listSchema<const Item extends object>(item: Item) {
  return {
    type: 'object',
    required: ['object', 'data', 'first_id', 'last_id', 'has_more'],
    properties: {
      object: { const: 'list' },
      data: { type: 'array', items: item },
      /** Empty texts for an empty page. */
      first_id: { type: 'string' },
      last_id: { type: 'string' },
      has_more: { type: 'boolean' },
    },
  } as const;
}

/** A page, in OpenAI's shape. The ids of an empty page are empty. */
export function listOf<Item extends { id: string }>(data: Item[], more: boolean) {
  const [first] = data;
  return {
    object: 'list',
    data,
    first_id: first?.id ?? '',
    last_id: data.at(-1)?.id ?? '',
    has_more: more,
  };
}

/** The size of a page; 20 when missing. */
export const limitSchema = {
  type: 'string',
  pattern: '^([1-9]|[1-9][0-9]|100)$',
  description: 'a whole number from 1 to 100',
} as const;

/** The order of a page, by time. Each route says which one it has when the client names none. */
export const orderSchema = { enum: ['asc', 'desc'] } as const;
