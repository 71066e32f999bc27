import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JsonObject } from '../../common/json.ts';
import { AppError } from '../../errors.ts';
import type { MemoryDocument } from '../../memory/memory.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { secondsOf } from '../unix-time.ts';

/** Texts go into requests to a model, so that their length is limited. */
const text = { type: 'string', maxLength: 10_000 } as const;
/** The seed's clients use numbers as ids, others texts. Both are kept as they come. */
const itemId = { type: ['string', 'integer'], maxLength: 100 } as const;

/** An item of the itinerary. A missing field stays unchanged, or has its default in a new item. */
const todoProperties = {
  /** The names without underscores are the seed's (contract 2, Memory). */
  id: itemId,
  task: text,
  /** Any JSON. */
  trigger: {},
  completed: { type: 'boolean' },
  /** As the client writes it. */
  createdat: { type: ['string', 'integer'] },
  subtasks: {
    type: 'array',
    maxItems: 1000,
    items: {
      type: 'object',
      properties: {
        subtaskname: text,
        sequence: { type: ['integer', 'string'] },
        completed: { type: 'boolean' },
        reminder: { type: ['string', 'number', 'boolean', 'object', 'array', 'null'] },
      },
    },
  },
} as const;

const todoItem = { type: 'object', properties: todoProperties } as const;

/** A document with its version, which If-Match names. `updated_at` is in unix seconds; null before the first change. */
function documentSchema<const Data extends object>(object: string, data: Data) {
  return {
    type: 'object',
    required: ['object', 'data', 'version', 'updated_at'],
    properties: {
      object: { const: object },
      data,
      /** 0 before the first change; deleting raises it, too. */
      version: { type: 'integer' },
      updated_at: { type: ['integer', 'null'] },
    },
  } as const;
}

/** OpenAI's shape for something that was deleted. */
function clearedSchema(object: string) {
  return {
    type: 'object',
    required: ['object', 'deleted'],
    properties: { object: { const: object }, deleted: { const: true } },
  } as const;
}

const configSchema = documentSchema('memory.config', { type: 'object' });
const todoSchema = documentSchema('memory.todo', { type: 'array', items: todoItem });

type MemoryParts = Pick<Parts, 'memory'>;

/** The documents that agents have about the caller: its configuration and its itinerary. */
export function memoryRoutes(parts: MemoryParts): Route[] {
  return [
    readConfig(parts),
    patchConfig(parts),
    clearConfig(parts),
    readTodo(parts),
    putTodo(parts),
    clearTodo(parts),
  ];
}

function readConfig({ memory }: MemoryParts): Route {
  return route({
    method: 'GET',
    path: '/v1/memory/config',
    summary: 'Reads the configuration of the caller.',
    access: 'look',
    answer: configSchema,
    handle: async ({ caller, response }) => answer(response, 'memory.config', await memory.config(caller.id)),
  });
}

/** A JSON merge patch [RFC 7396]: null removes a member. 412 when the version is not the one in If-Match. */
function patchConfig({ memory }: MemoryParts): Route {
  return route({
    method: 'POST',
    path: '/v1/memory/config',
    summary: 'Changes the configuration by a JSON merge patch. If-Match names the version that it must have.',
    access: 'chat',
    bodyLenient: true,
    body: { type: 'object', examples: [{ units: 'metric', bedtime: '22:30' }] },
    exactFields: 'unnamed', // all fields are the client's
    answer: configSchema,
    async handle({ body, caller, request, response }) {
      const patched = await memory.patchConfig(caller.id, body as JsonObject, versionOf(request));
      return answer(response, 'memory.config', patched);
    },
  });
}

/** 412 when the version is not the one in If-Match. */
function clearConfig({ memory }: MemoryParts): Route {
  return route({
    method: 'DELETE',
    path: '/v1/memory/config',
    summary: 'Deletes the configuration.',
    access: 'chat',
    answer: clearedSchema('memory.config.deleted'),
    async handle({ caller, request }) {
      await memory.clearConfig(caller.id, versionOf(request));
      return { object: 'memory.config.deleted', deleted: true };
    },
  });
}

function readTodo({ memory }: MemoryParts): Route {
  return route({
    method: 'GET',
    path: '/v1/memory/todo',
    summary: "The caller's itinerary.",
    access: 'look',
    answer: todoSchema,
    handle: async ({ caller, response }) => answer(response, 'memory.todo', await memory.todo(caller.id)),
  });
}

/** An item with a known id changes the fields that it names; any other one is new. 412 when the version is not the one in If-Match. */
function putTodo({ memory }: MemoryParts): Route {
  return route({
    method: 'POST',
    path: '/v1/memory/todo',
    summary: 'Adds an item, changes the item with its id, or with `items` replaces all.',
    access: 'chat',
    bodyLenient: true,
    body: {
      type: 'object',
      examples: [{ task: 'Water the plants', completed: false }],
      properties: { ...todoProperties, items: { type: 'array', maxItems: 1000, items: todoItem } },
    },
    answer: todoSchema,
    async handle({ body: { items, ...item }, caller, request, response }) {
      const version = versionOf(request);
      if (items)
        return answer(
          response,
          'memory.todo',
          await memory.replaceTodo(caller.id, items as JsonObject[], version),
        );
      if (Object.keys(item).length === 0)
        throw new AppError('invalid_request', 'The body is not valid: /task is missing.', {
          faults: [{ pointer: '/task', detail: 'is missing' }],
        });
      return answer(response, 'memory.todo', await memory.putTodo(caller.id, item as JsonObject, version));
    },
  });
}

/** An unknown id is 404. 412 when the version is not the one in If-Match. */
function clearTodo({ memory }: MemoryParts): Route {
  return route({
    method: 'DELETE',
    path: '/v1/memory/todo',
    summary: 'Deletes one item of the itinerary, or all without an id.',
    access: 'chat',
    query: { type: 'object', properties: { id: { type: 'string', minLength: 1, maxLength: 100 } } },
    answer: clearedSchema('memory.todo.deleted'),
    async handle({ query, caller, request }) {
      const version = versionOf(request);
      if (query.id === undefined) await memory.clearTodo(caller.id, version);
      else await memory.removeTodo(caller.id, query.id, version);
      return { object: 'memory.todo.deleted', deleted: true };
    },
  });
}

/** A document on the wire. Its version is the ETag, so that a client can send it back in If-Match. */
function answer(
  response: ServerResponse,
  object: string,
  { data, version, updatedAt }: MemoryDocument<unknown>,
) {
  response.setHeader('ETag', `"${version}"`);
  return { object, data, version, updated_at: updatedAt === null ? null : secondsOf(updatedAt) };
}

/** The version that a client has seen [RFC 9110 13.1.1]; undefined when any is right. Throws `invalid_request` for a bad one. */
function versionOf(request: IncomingMessage): number | undefined {
  const given = request.headers['if-match']?.trim();
  // A `*` asks for any version [RFC 9110 13.1.1].
  if (given === undefined || given === '*') return undefined;
  const version = /^(?:W\/)?"?(\d{1,15})"?$/.exec(given)?.[1];
  if (version === undefined)
    throw new AppError('invalid_request', 'If-Match must be a version: a whole number.');
  return Number(version);
}
