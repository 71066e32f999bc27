import type { Kysely, Migration } from 'kysely';

/** The audit log of calls, and the last values of arguments. */
export const commandTables: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('audit_rows')
      .addColumn('device', 'text', (column) => column.notNull())
      .addColumn('n', 'bigint', (column) => column.notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('event', 'text', (column) => column.notNull())
      .addColumn('of_n', 'bigint')
      .addColumn('tool', 'text')
      .addColumn('operation', 'text')
      .addColumn('body', 'text', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('audit_rows_key', ['device', 'n'])
      .execute();
    await db.schema
      .createIndex('audit_rows_at')
      .on('audit_rows')
      .columns(['device', 'event', 'at'])
      .execute();
    await db.schema.createIndex('audit_rows_of').on('audit_rows').columns(['device', 'of_n']).execute();
    await db.schema
      .createTable('audit_chains')
      .addColumn('device', 'text', (column) => column.primaryKey())
      .addColumn('n', 'bigint', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull())
      .addColumn('signed_n', 'bigint', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('audit_heads')
      .addColumn('device', 'text', (column) => column.notNull())
      .addColumn('n', 'bigint', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('signature', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('audit_heads_key', ['device', 'n'])
      .execute();
    await db.schema
      .createTable('device_values')
      .addColumn('device', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('value', 'double precision')
      .addColumn('before', 'double precision')
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('device_values_key', ['device', 'name'])
      .execute();
  },
};
