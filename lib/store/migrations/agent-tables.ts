import type { Kysely, Migration } from 'kysely';

/** Stored agents: apps with a draft and a published version. Their configurations are sealed. */
export const agentTables: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('apps')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('icon', 'text', (column) => column.notNull())
      .addColumn('description', 'text', (column) => column.notNull())
      .addColumn('conversation_id', 'text')
      .addColumn('memory', 'text', (column) => column.notNull())
      .addColumn('memory_seq', 'bigint', (column) => column.notNull())
      .addColumn('memory_revision', 'bigint', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .addColumn('deleted_at', 'bigint')
      .execute();
    await db.schema.createIndex('apps_by_owner').on('apps').columns(['owner', 'created_at', 'id']).execute();
    await db.schema
      .createTable('app_versions')
      .addColumn('app_id', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('config', 'text', (column) => column.notNull())
      .addColumn('remembers', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('app_versions_pk', ['app_id', 'status'])
      .execute();
  },
};
