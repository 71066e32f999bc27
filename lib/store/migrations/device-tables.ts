import type { Kysely, Migration } from 'kysely';

/** Devices that the server knows. Their versions are kept, also of removed devices, because the audit log names them. */
export const deviceTables: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('devices')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('version', 'bigint', (column) => column.notNull())
      .addColumn('origin', 'text', (column) => column.notNull())
      .addColumn('fault', 'text')
      .addColumn('removed_at', 'bigint')
      .execute();
    await db.schema
      .createTable('device_versions')
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('version', 'bigint', (column) => column.notNull())
      .addColumn('facts', 'text', (column) => column.notNull())
      .addColumn('definition', 'text', (column) => column.notNull())
      .addColumn('made_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('device_versions_pk', ['name', 'version'])
      .execute();
  },
};
