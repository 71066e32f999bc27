import type { PresetMessage } from '../../agents/presets.ts';
import type { Role } from '../../core/principal.ts';
import { AppError } from '../../errors.ts';
import { refuseFaults } from '../../server/intake.ts';

/** The answer of a call without data. */
export const message = {
  type: 'object',
  required: ['message'],
  properties: { message: { type: 'string' } },
} as const;
/** Any object: its fields are in the contract. */
export const anything = { type: 'object' } as const;
/** A list of objects. */
export const list = { type: 'array', items: anything } as const;

/** The pattern of a text that every database can store: PostgreSQL refuses the character 0. */
export const storable = '^[^\\u0000]*$';
/** The title of a chat or preset. */
export const title = { type: 'string', minLength: 1, maxLength: 50, pattern: storable } as const;

/** In characters. */
const CONTENT_MAX_LENGTH = 100_000;

/** Messages of clients. */
export const messages = {
  type: 'array',
  maxItems: 2000,
  items: {
    type: 'object',
    required: ['role', 'content'],
    properties: {
      role: { enum: ['user', 'assistant', 'system'] },
      type: { enum: ['text', 'image'] },
      content: { type: 'string', maxLength: CONTENT_MAX_LENGTH },
      /** False: it goes to the model, and no client sees it. True when missing. */
      visibility: { type: 'boolean' },
      create_time: { type: 'string', description: 'a time as in 2026-01-31T12:00:00Z' },
    },
  },
} as const;

/** The query of a page of a list. */
export const sortedPageQuery = {
  type: 'object',
  properties: {
    offset: { type: 'string', pattern: '^\\d{1,9}$', description: 'a whole number' },
    limit: { type: 'string', pattern: '^([1-9]\\d?|100)$', description: 'a whole number from 1 to 100' },
    order_by: { enum: ['id', 'title', 'create_time', 'update_time'] },
    order: { enum: ['asc', 'desc'] },
  },
} as const;

/** A query that fits `sortedPageQuery`. */
interface PageQuery {
  offset?: string;
  limit?: string;
  order_by?: 'id' | 'title' | 'create_time' | 'update_time';
  order?: 'asc' | 'desc';
}

/** Throws `invalid_request` for fields of a body that only the server sets, unless they are as they were: clients send back what they got. */
export function refuseChanges(
  body: Readonly<Record<string, unknown>>,
  present: Readonly<Record<string, unknown>>,
): void {
  const faults = Object.entries(present)
    .filter(([name, value]) => body[name] !== undefined && body[name] !== value)
    .map(([name]) => ({ pointer: `/${name}`, detail: 'cannot be changed here' }));
  refuseFaults('body', faults);
}

/** The columns of `order_by`. */
const columns = { id: 'id', title: 'title', create_time: 'created_at', update_time: 'updated_at' } as const;

/** The page that a query asks for. Without `order_by` the newest come first: clients show page one. */
export function sortedPageOf({
  offset = '0',
  limit = '10',
  order_by: by,
  order = by ? 'asc' : 'desc',
}: PageQuery) {
  return {
    offset: Number(offset),
    limit: Number(limit),
    orderBy: columns[by ?? 'create_time'],
    order,
  } as const;
}

/** The numbers of the contract (contract 5). */
const permissions = { visitor: 0, user: 1, admin: 2 } as const satisfies Record<Role, number>;

/** A role as a number: 0 visitor, 1 user, 2 admin. */
export function permissionOf(role: Role): 0 | 1 | 2 {
  return permissions[role];
}

/** A time in ms as ISO 8601. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** A message that fits `messages`. A missing type is `text`, a missing time is that of the request. */
interface WireMessage {
  role: PresetMessage['role'];
  type?: PresetMessage['type'];
  content: string;
  visibility?: boolean;
  create_time?: string;
}

/**
 * Parses messages. Throws `invalid_request` for a bad time, and for a picture without an http(s) or data
 * URL. `pictureOf` makes the stored content of a picture from its URL.
 */
export function readMessages(
  given: readonly WireMessage[],
  now: number,
  pictureOf: (url: string) => string = (url) => url,
): PresetMessage[] {
  return given.map(({ role, type = 'text', content, visibility = true, create_time: time }, index) => {
    const createdAt = time === undefined ? now : Date.parse(time);
    if (Number.isNaN(createdAt)) fail(`/messages/${index}/create_time`, 'is not a time');
    if (type === 'image' && !/^(https?:\/\/.|data:image\/)/i.test(content))
      fail(`/messages/${index}/content`, 'must be an http(s) or data URL of a picture');
    const stored = type === 'image' ? pictureOf(content) : content;
    return { role, type, content: stored, visible: visibility, createdAt };
  });
}

/** A message, as clients see it. */
export function formatChatMessage(shown: PresetMessage) {
  const { role, type, content, visible, createdAt } = shown;
  return { role, type, content, visibility: visible, create_time: timeOf(createdAt) };
}

function fail(pointer: string, detail: string): never {
  throw new AppError('invalid_request', `The body is not valid: ${pointer} ${detail}.`, {
    faults: [{ pointer, detail }],
  });
}
