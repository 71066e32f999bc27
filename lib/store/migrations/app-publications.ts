import { sql, type Kysely, type Migration } from 'kysely';

/** The configurations that were published. The ones that are published now are the first of their apps. */
export const appPublications: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('app_publications')
      .addColumn('app_id', 'text', (column) => column.notNull())
      .addColumn('number', 'integer', (column) => column.notNull())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('config', 'text', (column) => column.notNull())
      .addColumn('remembers', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('app_publications_pk', ['app_id', 'number'])
      .execute();
    await sql`insert into app_publications (app_id, number, id, config, remembers, created_at)
      select app_id, 1, id, config, remembers, created_at from app_versions where status = 'published'`.execute(
      db,
    );
  },
};
