import type { ServerResponse } from 'node:http';
import type { JsonObject, JsonValue } from '../../common/json.ts';
import type { Principal } from '../../core/principal.ts';
import type { Session } from '../../core/session.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import { goneSignal } from '../../server/stream.ts';
import type { Parts } from '../dialect.ts';
import {
  conversationSchema,
  sessionOfConversation,
  findItem,
  formatConversation,
  itemIn,
} from './conversations.ts';
import { invalidField } from './errors.ts';
import { listItems } from './item-list.ts';
import { callShapeFor, saidItem, type MessageItem } from './items.ts';
import { checkDevices, deviceFieldSchemas, devicesOf, sessionConfigWith } from './new-session.ts';
import { readInput, type ReadInput } from './read-input.ts';
import { deletedSchema, limitSchema, listOf, listSchema, metadataSchema, orderSchema } from './schemas.ts';

type ConversationParts = Pick<Parts, 'sessions' | 'files' | 'config'>;

/** The fields of every item; the others depend on its type. */
const itemSchema = { type: 'object', required: ['id', 'type'] } as const;
const exampleItem = { type: 'message', role: 'user', content: 'Is the light on?' } as const;
const newItems = { type: 'array', maxItems: 100, items: { type: 'object' } } as const;

/** Conversations: each is a session, and its items are views of the session's log. */
export function conversationRoutes(parts: ConversationParts): Route[] {
  return [
    createConversation(parts),
    readConversation(parts),
    changeConversation(parts),
    deleteConversation(parts),
    listConversationItems(parts),
    addItems(parts),
    readItem(parts),
    deleteItem(parts),
  ];
}

/** Instructions among the first items become the system prompt of the session; the other items are its first messages. */
function createConversation(parts: ConversationParts): Route {
  const { sessions, config } = parts;
  return route({
    method: 'POST',
    path: '/v1/conversations',
    summary: 'Creates a conversation, with its devices and its first items.',
    access: 'chat',
    bodyMaxBytes: config.limits.messageMaxBytes,
    bodyLenient: true,
    body: {
      type: 'object',
      examples: [{ devices: ['porch'], items: [exampleItem] }],
      properties: { items: newItems, metadata: metadataSchema, ...deviceFieldSchemas },
    },
    answer: conversationSchema,
    async handle({ body, caller, response }) {
      const { items = [], metadata } = body;
      const input = await readItems(parts, items as JsonValue, caller, response);
      const wishes = sessionConfigWith({
        ...devicesOf(body),
        systemPrompt: input.instructions.join('\n\n'),
      });
      checkDevices(caller, wishes, config.documents);
      const notes = { ...(metadata && { metadata }) };
      const id = await sessions.create(wishes, caller, notes as JsonObject);
      const session = await sessions.find(id, caller);
      // The first items are history: nobody answers them.
      for (const message of input.messages) await session.add({ ...message, run: false });
      return formatConversation(id, session.createdAt, notes);
    },
  });
}

function readConversation({ sessions }: ConversationParts): Route {
  return route({
    method: 'GET',
    path: '/v1/conversations/:conversation',
    summary: 'A conversation.',
    access: 'look',
    answer: conversationSchema,
    async handle({ params, caller }) {
      return shown(await sessionOfConversation(sessions, params.conversation, caller));
    },
  });
}

/** The metadata are an attribute of the session; its other attributes stay. */
function changeConversation({ sessions }: ConversationParts): Route {
  return route({
    method: 'POST',
    path: '/v1/conversations/:conversation',
    summary: 'Replaces the metadata of a conversation.',
    access: 'chat',
    bodyLenient: true,
    body: {
      type: 'object',
      examples: [{ metadata: { room: 'kitchen' } }],
      properties: { metadata: metadataSchema },
    },
    answer: conversationSchema,
    async handle({ params, body: { metadata }, caller }) {
      const session = await sessionOfConversation(sessions, params.conversation, caller);
      if (metadata) await session.setAttributes({ ...(await session.attributes()), metadata });
      return shown(session);
    },
  });
}

/** A client that repeats the request gets the first answer: the conversation is gone by then. */
function deleteConversation({ sessions }: ConversationParts): Route {
  return route({
    method: 'DELETE',
    path: '/v1/conversations/:conversation',
    keepsAnswer: true,
    summary: 'Deletes a conversation: its session is stopped and removed.',
    access: 'chat',
    answer: deletedSchema('conversation.deleted'),
    async handle({ params, caller }) {
      const id = params.conversation;
      const session = await sessionOfConversation(sessions, id, caller);
      await sessions.remove(session.id, caller);
      return { id, object: 'conversation.deleted', deleted: true };
    },
  });
}

/** The calls of devices have the form that this client takes (`callShapeFor`). */
function listConversationItems({ sessions }: ConversationParts): Route {
  return route({
    method: 'GET',
    path: '/v1/conversations/:conversation/items',
    summary: 'The items of a conversation, newest first unless asked otherwise.',
    access: 'look',
    query: {
      type: 'object',
      properties: {
        limit: limitSchema,
        order: orderSchema,
        after: { type: 'string', minLength: 1, maxLength: 200 },
      },
    },
    answer: listSchema(itemSchema),
    async handle({ params, query, caller, request }) {
      const session = await sessionOfConversation(sessions, params.conversation, caller);
      const { items, more } = await listItems(session, {
        limit: Number(query.limit ?? 20),
        order: query.order ?? 'desc',
        after: query.after,
        shape: callShapeFor(request.headers['user-agent']),
      });
      return listOf(items, more);
    },
  });
}

/** The items are history: nobody answers them. An answer needs `POST /v1/responses`. */
function addItems(parts: ConversationParts): Route {
  const { sessions, config } = parts;
  return route({
    method: 'POST',
    path: '/v1/conversations/:conversation/items',
    keepsAnswer: true,
    summary: 'Adds items to a conversation, which nobody answers.',
    access: 'chat',
    bodyMaxBytes: config.limits.messageMaxBytes,
    bodyLenient: true,
    body: {
      type: 'object',
      required: ['items'],
      examples: [{ items: [exampleItem] }],
      properties: { items: { ...newItems, minItems: 1 } },
    },
    answer: listSchema(itemSchema),
    async handle({ params, body, caller, response }) {
      const session = await sessionOfConversation(sessions, params.conversation, caller);
      const input = await readItems(parts, body.items as JsonValue, caller, response);
      if (input.instructions.length > 0)
        throw invalidField(
          'items',
          'of the roles system and developer are for a new conversation, or for `instructions`',
        );
      const items: MessageItem[] = [];
      for (const message of input.messages) {
        const line = await session.add({ ...message, run: false });
        // A message that nobody answers always has an item.
        items.push(saidItem(session.id, line)!);
      }
      return listOf(items, false);
    },
  });
}

function readItem({ sessions }: ConversationParts): Route {
  return route({
    method: 'GET',
    path: '/v1/conversations/:conversation/items/:item',
    summary: 'An item of a conversation.',
    access: 'look',
    answer: itemSchema,
    async handle({ params, caller, request }) {
      const session = await sessionOfConversation(sessions, params.conversation, caller);
      const shape = callShapeFor(request.headers['user-agent']);
      return (await itemIn(session, params.item, shape)).item;
    },
  });
}

/** A mark hides a message from every view and from the model. A call of a device stays in the log, as does its result. */
function deleteItem({ sessions }: ConversationParts): Route {
  return route({
    method: 'DELETE',
    path: '/v1/conversations/:conversation/items/:item',
    keepsAnswer: true,
    summary: 'Deletes a message of a conversation.',
    access: 'chat',
    answer: conversationSchema,
    async handle({ params, caller, request }) {
      const session = await sessionOfConversation(sessions, params.conversation, caller);
      // A call has no lines that could be marked: devices have acted on it.
      const { part, lines } = await itemIn(session, params.item, callShapeFor(request.headers['user-agent']));
      if (lines.length === 0)
        throw new AppError(
          'conflict',
          'A call stays in the log: delete the messages around it, or the conversation.',
        );
      await session.mark(lines, part, { removed: true });
      return shown(session);
    },
  });
}

/** A conversation as it is now. */
async function shown(session: Session): Promise<object> {
  return formatConversation(session.id, session.createdAt, await session.attributes());
}

/** The items of a body, read. */
function readItems(
  { sessions, files, config }: ConversationParts,
  items: JsonValue,
  caller: Principal,
  response: ServerResponse,
): Promise<ReadInput> {
  return readInput(items, {
    field: 'items',
    files,
    caller,
    documents: config.documents,
    signal: goneSignal(response),
    findItem: (id) => findItem(sessions, id, caller, 'mcp_call'),
  });
}
