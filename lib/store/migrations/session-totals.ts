import type { Kysely, Migration } from 'kysely';

/**
 * The sessions of an owner are counted, and their bytes added up, each time when one is made. The index alone answers: a row
 * has its bytes after the configuration, which SQLite reads page by page.
 */
export const sessionTotals: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createIndex('sessions_totals')
      .on('sessions')
      .columns(['owner', 'config_bytes'])
      .execute();
    await db.schema.dropIndex('sessions_by_owner').execute();
  },
};
