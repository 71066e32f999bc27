import { isObject, type JsonValue } from '../../common/json.ts';
import type { Principal } from '../../core/principal.ts';
import { AppError } from '../../errors.ts';
import type { StoredCompletion } from '../../memory/stored-completions.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { completionSchema } from './completion.ts';
import { unknownCursor } from './errors.ts';
import { pageOf } from './page.ts';
import { deletedSchema, limitSchema, listOf, listSchema, metadataSchema, orderSchema } from './schemas.ts';

const cursor = { type: 'string', minLength: 1, maxLength: 200 } as const;

/** A message of a stored completion. */
const storedMessageSchema = {
  type: 'object',
  required: ['id', 'role', 'content', 'refusal'],
  properties: {
    id: { type: 'string' },
    role: { type: 'string' },
    /** Null for a message whose content is a list. */
    content: { type: ['string', 'null'] },
    refusal: { type: ['string', 'null'] },
    content_parts: { type: ['array', 'null'], items: { type: 'object' } },
  },
} as const;

type StoredParts = Pick<Parts, 'storedCompletions'>;

/** Completions that were asked for with `store: true`. They are kept here, and not at the endpoint. */
export function storedCompletionRoutes({ storedCompletions }: StoredParts): Route[] {
  /** A completion of the caller. Throws `not_found`, also for one of which the metadata alone are kept. */
  async function find(id: string, caller: Principal): Promise<StoredCompletion> {
    const found = await storedCompletions.find(caller.id, id);
    if (found) return found;
    throw new AppError('not_found', `No chat completion found with id '${id.slice(0, 100)}'.`);
  }

  return [
    listCompletions({ storedCompletions }),
    route({
      method: 'GET',
      path: '/v1/chat/completions/:completion',
      summary: 'A stored chat completion.',
      access: 'look',
      answer: completionSchema,
      handle: async ({ params, caller }) => formatStored(await find(params.completion, caller)),
    }),
    route({
      method: 'POST',
      path: '/v1/chat/completions/:completion',
      summary: 'Replaces the metadata of a stored chat completion.',
      access: 'chat',
      bodyLenient: true,
      body: {
        type: 'object',
        examples: [{ metadata: { room: 'kitchen' } }],
        properties: { metadata: metadataSchema },
      },
      answer: completionSchema,
      async handle({ params, body: { metadata }, caller }) {
        const found = await find(params.completion, caller);
        if (metadata) await storedCompletions.changeMetadata(caller.id, found.id, metadata);
        return formatStored({ ...found, metadata: metadata ?? found.metadata });
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/chat/completions/:completion',
      keepsAnswer: true,
      summary: 'Deletes a stored chat completion.',
      access: 'chat',
      answer: deletedSchema('chat.completion.deleted'),
      async handle({ params, caller }) {
        const { id } = await find(params.completion, caller);
        await storedCompletions.remove(caller.id, id);
        return { object: 'chat.completion.deleted', id, deleted: true };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/chat/completions/:completion/messages',
      summary: 'The messages of the request of a stored chat completion.',
      access: 'look',
      query: { type: 'object', properties: { limit: limitSchema, order: orderSchema, after: cursor } },
      answer: listSchema(storedMessageSchema),
      async handle({ params, query, caller }) {
        const { id, messages } = await find(params.completion, caller);
        // A message has no id of its own, so its place is a part of it.
        const all = messages.map((message, index) => formatMessage(`${id}-${index}`, message));
        return pageOf(query.order === 'desc' ? all.toReversed() : all, query, 'a message of this completion');
      },
    }),
  ];
}

/** Only completions that were asked for with `store: true`: of the others the metadata alone are kept. */
function listCompletions({ storedCompletions }: StoredParts): Route {
  return route({
    method: 'GET',
    path: '/v1/chat/completions',
    summary:
      'The stored chat completions, oldest first unless asked otherwise; `metadata[key]=value` selects some.',
    access: 'look',
    query: {
      type: 'object',
      properties: {
        limit: limitSchema,
        order: orderSchema,
        after: cursor,
        model: { type: 'string', maxLength: 200 },
      },
      // `metadata[key]=value`: the keys are the client's.
      additionalProperties: { type: 'string', maxLength: 512 },
    },
    answer: listSchema(completionSchema),
    async handle({ query, caller }) {
      const { limit = '20', order = 'asc', after, model, ...others } = query;
      const page = await storedCompletions.list(caller.id, {
        limit: Number(limit),
        order,
        after,
        model,
        metadata: pairsOf(others),
      });
      if (!page) throw unknownCursor('after', 'a stored chat completion');
      return listOf(page.completions.map(formatStored), page.more);
    },
  });
}

/** The pairs of `metadata[key]=value` in a query. */
function pairsOf(query: Record<string, unknown>): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const [name, value] of Object.entries(query)) {
    const key = /^metadata\[(.{1,64})\]$/s.exec(name)?.[1];
    if (key !== undefined && typeof value === 'string') pairs[key] = value;
  }
  return pairs;
}

/** The completion as it was answered, with its present metadata. */
function formatStored({ id, answer, metadata }: StoredCompletion) {
  return { ...answer, id, metadata };
}

/** A message of a request, as OpenAI lists it: a text is the content, a list is the parts. */
function formatMessage(id: string, message: JsonValue) {
  const { content, ...rest } = isObject(message) ? message : {};
  const parts = Array.isArray(content) ? content : null;
  return {
    ...rest,
    id,
    refusal: rest['refusal'] ?? null,
    content: typeof content === 'string' ? content : null,
    content_parts: parts,
  };
}
