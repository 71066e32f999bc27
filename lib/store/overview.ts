import { isObject } from '../common/json.ts';
import type { Schema } from './schema.ts';
import type { Kysely } from 'kysely';

/** A session in the list of its owner. */
export interface ListedSession {
  id: string;
  /** A name for people; null when nobody gave it one. */
  title: string | null;
  /** Ms since the epoch. */
  createdAt: number;
  /** The time of its last line, in ms since the epoch. */
  usedAt: number;
  /** When it expires unless it is used, in ms since the epoch; null for never. */
  expiresAt: number | null;
}

/** Lists for people who look at a server: their sessions, and the nodes. It reads rows, and opens no session. */
export interface Overview {
  /** The sessions of an owner, the one that was used last first; at most `limit`. */
  listSessions(owner: string, limit: number): Promise<ListedSession[]>;
  /** How many nodes hold a lease at this time. 0 where the database belongs to one server. */
  countNodes(now: number): Promise<number>;
}

/** The lists over a database. */
export function createOverview(db: Kysely<Schema>): Overview {
  return {
    async listSessions(owner, limit) {
      const rows = await db
        .selectFrom('sessions')
        .select(['id', 'attributes', 'created_at', 'expires_at'])
        // One step along the primary key for each session of the owner.
        .select((sessions) =>
          sessions
            .selectFrom('messages')
            .select('time')
            .whereRef('messages.session_id', '=', 'sessions.id')
            .orderBy('seq', 'desc')
            .limit(1)
            .as('used_at'),
        )
        .where('owner', '=', owner)
        // An expired session may still have its row until the next sweep.
        .where((row) => row.or([row('expires_at', 'is', null), row('expires_at', '>', Date.now())]))
        .orderBy('used_at', 'desc')
        .limit(limit)
        .execute();
      return rows.map(
        ({ id, attributes, created_at: createdAt, expires_at: expiresAt, used_at: usedAt }) => ({
          id,
          title: titleIn(attributes),
          createdAt,
          usedAt: usedAt ?? createdAt,
          expiresAt,
        }),
      );
    },

    async countNodes(now) {
      const { count } = await db
        .selectFrom('nodes')
        .select((nodes) => nodes.fn.countAll().as('count'))
        .where('lease_until', '>', now)
        .executeTakeFirstOrThrow();
      return Number(count);
    },
  };
}

/** The title in the notes of clients about a session. */
function titleIn(attributes: string | null): string | null {
  const notes: unknown = attributes === null ? undefined : JSON.parse(attributes);
  const title = isObject(notes) ? notes['title'] : undefined;
  // The notes are what a client sent: their `title` may be anything.
  return typeof title === 'string' ? title : null;
}
