import type { Kysely, Migration } from 'kysely';

/** The writes that were tried, in the order of their times: the list of all devices reads no more rows than it shows. */
export const auditByTime: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createIndex('audit_rows_time')
      .on('audit_rows')
      .columns(['at', 'device', 'n'])
      .where('of_n' as never, 'is', null)
      .execute();
  },
};
