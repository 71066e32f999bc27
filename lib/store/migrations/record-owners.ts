import type { Kysely, Migration } from 'kysely';

/** A row for each owner of records: who makes a record locks it, so that the limit of records holds over nodes. */
export const recordOwners: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('record_owners')
      .addColumn('owner', 'text', (column) => column.primaryKey())
      .execute();
  },
};
