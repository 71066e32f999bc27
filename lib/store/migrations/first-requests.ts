import type { Kysely, Migration } from 'kysely';

/** The first request of every key, and its answer. */
export const firstRequests: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('first_requests')
      .addColumn('caller', 'text', (column) => column.notNull())
      .addColumn('key', 'text', (column) => column.notNull())
      .addColumn('attempt', 'text', (column) => column.notNull().unique())
      .addColumn('digest', 'text', (column) => column.notNull())
      .addColumn('until', 'bigint', (column) => column.notNull())
      .addColumn('status', 'integer')
      .addColumn('content_type', 'text')
      .addColumn('body', 'text')
      .addPrimaryKeyConstraint('first_requests_key', ['caller', 'key'])
      .execute();
    await db.schema.createIndex('first_requests_until').on('first_requests').column('until').execute();
  },
};
