import { sql } from 'kysely';
import type { Kysely, Migration } from 'kysely';
import type { TableStyle } from '../engine.ts';

/** Users, the ways to recognise them, their sign-ins and keys, and the audit log. Nothing secret is in clear. */
export function accountTables(style: TableStyle): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await createUsers(db, style.numbered);
      await createSignIns(db);
      await createApiKeys(db);
      await createShortLivedTables(db);
      await createAudit(db, style);
    },
  };
}

/** Users and their identities; the view `user_list` is the user table of the contract. */
async function createUsers(db: Kysely<unknown>, numbered: TableStyle['numbered']): Promise<void> {
  await numbered(db, 'users')
    .addColumn('uuid', 'text', (column) => column.notNull().unique())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('username', 'text')
    // The key columns are unique, and have a name or an address in the form in which it is compared.
    .addColumn('username_key', 'text', (column) => column.unique())
    .addColumn('email', 'text')
    .addColumn('email_key', 'text', (column) => column.unique())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('scopes', 'text', (column) => column.notNull())
    .addColumn('password', 'text')
    .addColumn('disabled_at', 'bigint')
    .addColumn('revoked_at', 'bigint')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('users_by_revocation').on('users').column('revoked_at').execute();
  await db.schema
    .createTable('identities')
    .addColumn('provider', 'text', (column) => column.notNull())
    .addColumn('issuer', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('user_uuid', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('identities_pk', ['provider', 'issuer', 'subject'])
    .execute();
  await db.schema.createIndex('identities_by_user').on('identities').column('user_uuid').execute();
  await sql`
    create view user_list (id, telephone_num, github_id, google_id, uuid) as
    select id,
      (select max(subject) from identities where user_uuid = users.uuid and provider = 'telephone'),
      (select max(subject) from identities where user_uuid = users.uuid and provider = 'github'),
      (select max(subject) from identities where user_uuid = users.uuid and provider = 'google'),
      uuid
    from users`.execute(db);
}

/** Sign-ins and the refresh tokens of each. */
async function createSignIns(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('sign_ins')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('user_uuid', 'text', (column) => column.notNull())
    .addColumn('method', 'text', (column) => column.notNull())
    .addColumn('address', 'text')
    .addColumn('agent', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('used_at', 'bigint', (column) => column.notNull())
    .addColumn('access_ms', 'bigint', (column) => column.notNull())
    .addColumn('idle_ms', 'bigint', (column) => column.notNull())
    .addColumn('until', 'bigint', (column) => column.notNull())
    .addColumn('ended_at', 'bigint')
    .execute();
  await db.schema.createIndex('sign_ins_by_user').on('sign_ins').column('user_uuid').execute();
  await db.schema.createIndex('sign_ins_by_end').on('sign_ins').column('ended_at').execute();
  await db.schema.createIndex('sign_ins_until').on('sign_ins').column('until').execute();
  await db.schema
    .createTable('refresh_tokens')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .addColumn('sign_in_id', 'text', (column) => column.notNull())
    .addColumn('child_hash', 'text')
    .addColumn('rotated_at', 'bigint')
    .execute();
  await db.schema
    .createIndex('refresh_tokens_by_sign_in')
    .on('refresh_tokens')
    .column('sign_in_id')
    .execute();
}

/** Keys for machines. */
async function createApiKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('api_keys')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('hash', 'text', (column) => column.notNull().unique())
    .addColumn('user_uuid', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('hint', 'text', (column) => column.notNull())
    .addColumn('scopes', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('used_at', 'bigint')
    .addColumn('until', 'bigint')
    .addColumn('ended_at', 'bigint')
    .execute();
  await db.schema.createIndex('api_keys_by_user').on('api_keys').column('user_uuid').execute();
  await db.schema.createIndex('api_keys_by_end').on('api_keys').column('ended_at').execute();
}

/** Vouchers, codes that were sent to telephones, failed attempts. */
async function createShortLivedTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('vouchers')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('until', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('vouchers_until').on('vouchers').column('until').execute();
  await db.schema
    .createTable('text_codes')
    .addColumn('telephone', 'text', (column) => column.primaryKey())
    .addColumn('hash', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('sent_at', 'bigint', (column) => column.notNull())
    .addColumn('until', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('failures')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('count', 'integer', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('until', 'bigint', (column) => column.notNull())
    .execute();
}

/** The audit log; its rows cannot be changed or removed, not even by this server. */
async function createAudit(db: Kysely<unknown>, { numbered, appendOnly }: TableStyle): Promise<void> {
  await numbered(db, 'audit')
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('event', 'text', (column) => column.notNull())
    .addColumn('user_uuid', 'text')
    .addColumn('address', 'text')
    .addColumn('detail', 'text', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('audit_by_user').on('audit').column('user_uuid').execute();
  for (const statement of appendOnly('audit')) await sql.raw(statement).execute(db);
}
