import type { PresetMessage } from '../../agents/presets.ts';
import type { Principal, Role } from '../../core/principal.ts';
import { AppError } from '../../errors.ts';
import { accountOf } from '../account.ts';

/** What a call without a result of its own answers. */
export const message = {
  type: 'object',
  required: ['message'],
  properties: { message: { type: 'string' } },
} as const;
export const anything = { type: 'object' } as const;
export const list = { type: 'array', items: anything } as const;

/** A text that every database keeps. */
export const storable = '^[^\\u0000]*$';
export const title = { type: 'string', minLength: 1, maxLength: 50, pattern: storable } as const;

const CONTENT_MAX_LENGTH = 100_000;

/** Messages as clients send them. */
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
      visibility: { type: 'boolean' },
      create_time: { type: 'string', description: 'a time as in 2026-01-31T12:00:00Z' },
    },
  },
} as const;

/** How much of a list. */
export const sortedPageQuery = {
  type: 'object',
  properties: {
    offset: { type: 'string', pattern: '^\\d{1,9}$', description: 'a whole number' },
    limit: { type: 'string', pattern: '^([1-9]\\d?|100)$', description: 'a whole number from 1 to 100' },
    order_by: { enum: ['id', 'title', 'create_time', 'update_time'] },
    order: { enum: ['asc', 'desc'] },
  },
} as const;

interface PageQuery {
  offset?: string;
  limit?: string;
  order_by?: 'id' | 'title' | 'create_time' | 'update_time';
  order?: 'asc' | 'desc';
}

const columns = { id: 'id', title: 'title', create_time: 'created_at', update_time: 'updated_at' } as const;

/** The page that a query asks for. */
export function sortedPageOf({ offset = '0', limit = '10', order_by: by = 'id', order = 'asc' }: PageQuery) {
  return { offset: Number(offset), limit: Number(limit), orderBy: columns[by], order } as const;
}

const permissions = { visitor: 0, user: 1, admin: 2 } as const satisfies Record<Role, number>;

/** 0 visitor, 1 user, 2 admin. */
export function permissionOf(role: Role): 0 | 1 | 2 {
  return permissions[role];
}

export function isAdmin(caller: Principal): boolean {
  return accountOf(caller).role === 'admin';
}

/** Throws `forbidden` unless the caller is an admin. */
export function checkAdmin(caller: Principal): void {
  if (!isAdmin(caller)) throw new AppError('forbidden', 'This is for admins.');
}

/** Throws `forbidden` for visitors, who only look. */
export function checkUser(caller: Principal): void {
  if (accountOf(caller).role === 'visitor') throw new AppError('forbidden', 'Visitors may only look.');
}

/** ISO 8601. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

interface WireMessage {
  role: PresetMessage['role'];
  type?: PresetMessage['type'];
  content: string;
  visibility?: boolean;
  create_time?: string;
}

/** Reads messages. Throws `invalid_request` for a time that is none, and for a picture that is not at an http(s) or data URL. */
export function readMessages(given: readonly WireMessage[], now: number): PresetMessage[] {
  return given.map(({ role, type = 'text', content, visibility = true, create_time: time }, index) => {
    const createdAt = time === undefined ? now : Date.parse(time);
    if (Number.isNaN(createdAt)) fail(`/messages/${index}/create_time`, 'is not a time');
    if (type === 'image' && !/^(https?:\/\/.|data:image\/)/i.test(content))
      fail(`/messages/${index}/content`, 'must be an http(s) or data URL of a picture');
    return { role, type, content, visible: visibility, createdAt };
  });
}

/** A message as it is shown. */
export function formatChatMessage(shown: PresetMessage) {
  const { role, type, content, visible, createdAt } = shown;
  return { role, type, content, visibility: visible, create_time: timeOf(createdAt) };
}

function fail(pointer: string, detail: string): never {
  throw new AppError('invalid_request', `The body is not valid: ${pointer} ${detail}.`, {
    faults: [{ pointer, detail }],
  });
}
