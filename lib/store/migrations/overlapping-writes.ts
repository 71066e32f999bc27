import type { Kysely, Migration } from 'kysely';

/** How many writes of each watched argument are on their way, and whether some of them were so at the same time. */
export const overlappingWrites: Migration = {
  async up(db: Kysely<unknown>) {
    for (const name of ['writing', 'overlapping'])
      await db.schema
        .alterTable('device_values')
        .addColumn(name, 'integer', (column) => column.notNull().defaultTo(0))
        .execute();
  },
};
