import type { Kysely, Migration } from 'kysely';

/** The simulated devices that people have started, so that they come back at their addresses. */
export const simulationTables: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('simulations')
      .addColumn('key', 'text', (column) => column.primaryKey())
      .addColumn('source', 'text', (column) => column.notNull())
      .addColumn('port', 'integer', (column) => column.notNull())
      .addColumn('asked_at', 'bigint', (column) => column.notNull())
      .execute();
  },
};
