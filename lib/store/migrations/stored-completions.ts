import type { Kysely, Migration } from 'kysely';

/** The content of chat completions that clients keep. */
export const storedCompletions: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('completions').addColumn('content', 'text').execute();
    await db.schema
      .createIndex('completions_by_time')
      .on('completions')
      .columns(['owner', 'created_at', 'id'])
      .execute();
  },
};
