import type { Kysely, Migration } from 'kysely';

/** The names for which clients have URLs to upload to, and the time at which the object is looked at. */
export const awaitedUploads: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('awaited_uploads')
      .addColumn('key', 'text', (column) => column.primaryKey())
      .addColumn('due_at', 'bigint', (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('awaited_uploads_by_time')
      .on('awaited_uploads')
      .columns(['due_at', 'key'])
      .execute();
  },
};
