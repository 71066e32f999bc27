import type { JsonObject } from '../../common/json.ts';
import type { Metadata } from '../../core/message.ts';
import type { Principal } from '../../core/principal.ts';
import type { Session } from '../../core/session.ts';
import type { Sessions } from '../../core/sessions.ts';
import { AppError } from '../../errors.ts';
import { noSuchThread, sessionIdOf, threadIdOf } from './ids.ts';
import { secondsOf } from '../unix-time.ts';
import { metadataSchema, toolResourcesSchema } from './schemas.ts';

/** A thread, in OpenAI's shape. */
export const threadSchema = {
  type: 'object',
  required: ['id', 'object', 'created_at', 'tool_resources', 'metadata'],
  properties: {
    id: { type: 'string' },
    object: { const: 'thread' },
    created_at: { type: 'integer' },
    tool_resources: toolResourcesSchema,
    metadata: metadataSchema,
  },
} as const;

/** The notes of a client about a thread. They are attributes of the session, so a clear keeps them. */
export interface ThreadNotes {
  metadata?: Metadata;
  tool_resources?: JsonObject;
}

/** The session of a thread. Throws `not_found`, and `forbidden` for another user's thread (contract 2: 403, not 404). */
export function findThread(sessions: Sessions, threadId: string, caller: Principal): Promise<Session> {
  return findOwn(sessions, sessionIdOf('thread', threadId), caller, {
    unknown: () => noSuchThread(threadId),
    what: 'thread',
  });
}

/** A session by its id in another form. Throws `unknown()` when there is none, and `forbidden` for another user's. */
export async function findOwn(
  sessions: Sessions,
  id: string | undefined,
  caller: Principal,
  { unknown, what }: { unknown: () => AppError; what: string },
): Promise<Session> {
  if (id === undefined) throw unknown();
  try {
    return await sessions.find(id, caller);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'not_found')) throw error;
    // The core does not tell another user's session from none. This contract does (403).
    if (await sessions.exists(id)) throw new AppError('forbidden', `The ${what} belongs to somebody else.`);
    throw unknown();
  }
}

/** A thread, from the facts about its session. */
export function formatThread(id: string, createdAt: number, notes: ThreadNotes) {
  return {
    id: threadIdOf(id),
    object: 'thread',
    created_at: secondsOf(createdAt),
    metadata: notes.metadata ?? {},
    tool_resources: notes.tool_resources ?? {},
  };
}
