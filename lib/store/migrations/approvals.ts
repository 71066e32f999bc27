import { sql } from 'kysely';
import type { Kysely, Migration } from 'kysely';

/** Approved users, and scopes of keys. Users and keys that exist keep all that they could do before. */
export const approvals: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('users').addColumn('approved_at', 'bigint').execute();
    await sql`update users set approved_at = created_at`.execute(db);
    await db.schema.alterTable('api_keys').renameColumn('scopes', 'dialects').execute();
    await db.schema
      .alterTable('api_keys')
      .addColumn('scopes', 'text', (column) => column.notNull().defaultTo('chat devices admin'))
      .execute();
  },
};
