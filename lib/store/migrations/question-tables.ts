import type { Kysely, Migration } from 'kysely';

/** The questions of calls, and emergency stops. */
export const questionTables: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('questions')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('session_id', 'text', (column) => column.notNull())
      .addColumn('seq', 'bigint', (column) => column.notNull())
      .addColumn('call_id', 'text', (column) => column.notNull())
      .addColumn('task_id', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('position', 'bigint', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .addColumn('digest', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addColumn('is_open', 'integer', (column) => column.notNull())
      .addColumn('answer', 'text')
      .execute();
    await db.schema
      .createIndex('questions_call')
      .on('questions')
      .columns(['session_id', 'seq', 'call_id'])
      .execute();
    await db.schema
      .createIndex('questions_open')
      .on('questions')
      .columns(['is_open', 'expires_at'])
      .execute();
    await db.schema
      .createTable('estops')
      .addColumn('id', 'bigint', (column) => column.primaryKey())
      .addColumn('scope', 'text', (column) => column.notNull())
      .addColumn('reason', 'text')
      .addColumn('engaged_by', 'text', (column) => column.notNull())
      .addColumn('engaged_at', 'bigint', (column) => column.notNull())
      .addColumn('released_by', 'text')
      .addColumn('released_at', 'bigint')
      .addColumn('release_reason', 'text')
      .execute();
    // Every permit looks for the stops that hold.
    await db.schema.createIndex('estops_open').on('estops').columns(['released_at', 'scope']).execute();
    await db.schema
      .alterTable('nodes')
      .addColumn('estop_seen', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
