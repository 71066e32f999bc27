import type { Kysely, Migration } from 'kysely';

/** The last row of each chain of the audit log that was pruned: its number and its hash. */
export const prunedAudit: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('audit_chains')
      .addColumn('pruned_n', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
    await db.schema
      .alterTable('audit_chains')
      .addColumn('pruned_hash', 'text', (column) => column.notNull().defaultTo(''))
      .execute();
  },
};
