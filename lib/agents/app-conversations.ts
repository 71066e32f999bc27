import { systemClock, type Clock } from '../common/clock.ts';
import type { AgentsDb } from './schema.ts';

/** A conversation with a published app. Its lines are in the session of the same id. */
export interface AppConversation {
  id: string;
  /** The person behind the caller, as the caller names it. */
  user: string | null;
  /** Ms since the epoch. */
  createdAt: number;
}

/** The conversations with published apps. Contract: the caller has checked the rights on the app. */
export interface AppConversations {
  /** Notes a conversation whose session has this id. */
  add(appId: string, id: string, user: string | null): Promise<void>;
  has(appId: string, id: string): Promise<boolean>;
  /** A page, newest first, and how many there are. */
  list(
    appId: string,
    page: { before: number; offset: number; limit: number },
  ): Promise<{ conversations: AppConversation[]; total: number }>;
}

/** The conversations over their table. */
export function createAppConversations(db: AgentsDb, clock: Clock = systemClock): AppConversations {
  return {
    async add(appId, id, user) {
      const row = { id, app_id: appId, end_user: user, created_at: clock.now() };
      await db.insertInto('app_conversations').values(row).execute();
    },
    async has(appId, id) {
      const row = await db
        .selectFrom('app_conversations')
        .select('id')
        .where('id', '=', id)
        .where('app_id', '=', appId)
        .executeTakeFirst();
      return row !== undefined;
    },
    async list(appId, { before, offset, limit }) {
      const all = db
        .selectFrom('app_conversations')
        .where('app_id', '=', appId)
        .where('created_at', '<', before);
      const { total } = await all
        .select(({ fn }) => fn.countAll<number>().as('total'))
        .executeTakeFirstOrThrow();
      const rows = await all
        .selectAll()
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .offset(offset)
        .limit(limit)
        .execute();
      const conversations = rows.map((row) => ({
        id: row.id,
        user: row.end_user,
        createdAt: row.created_at,
      }));
      return { conversations, total };
    },
  };
}
