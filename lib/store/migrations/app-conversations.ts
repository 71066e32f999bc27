import type { Kysely, Migration } from 'kysely';

/** The conversations with published apps; each is a session of the same id. */
export const appConversations: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('app_conversations')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('app_id', 'text', (column) => column.notNull())
      .addColumn('end_user', 'text')
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('app_conversations_by_app')
      .on('app_conversations')
      .columns(['app_id', 'created_at', 'id'])
      .execute();
  },
};
