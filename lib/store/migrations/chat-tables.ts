import { sql } from 'kysely';
import type { Kysely, Migration } from 'kysely';
import type { TableStyle } from '../engine.ts';

/** Conversations that a client leads: model configurations, presets, chats with messages and tasks, credits, redeem codes. */
export function chatTables({ numbered }: TableStyle): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await createConfigurations(db, numbered);
      await createChats(db, numbered);
      await createChatTasks(db);
      await createCredits(db, numbered);
      await createWeChatSessions(db);
    },
  };
}

/** Model configurations and presets. */
async function createConfigurations(db: Kysely<unknown>, numbered: TableStyle['numbered']): Promise<void> {
  await numbered(db, 'model_configs')
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('base_url', 'text', (column) => column.notNull())
    .addColumn('model_name', 'text', (column) => column.notNull())
    .addColumn('api_key', 'text', (column) => column.notNull())
    .addColumn('params', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('model_configs_by_owner').on('model_configs').column('owner').execute();

  await db.schema
    .createTable('presets')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('title', 'text', (column) => column.notNull())
    .addColumn('description', 'text')
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('visibility', 'text', (column) => column.notNull())
    .addColumn('messages', 'text', (column) => column.notNull())
    .addColumn('parameters', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .addColumn('deleted_at', 'bigint')
    .execute();
  await db.schema.createIndex('presets_by_owner').on('presets').column('owner').execute();
}

/** Chats and their messages. A copy of a chat exists once for each owner. */
async function createChats(db: Kysely<unknown>, numbered: TableStyle['numbered']): Promise<void> {
  await numbered(db, 'chats')
    .addColumn('uuid', 'text', (column) => column.notNull().unique())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('title', 'text')
    .addColumn('model_config_id', 'integer')
    .addColumn('preset_id', 'text')
    .addColumn('visibility', 'text', (column) => column.notNull())
    // null for a chat that is no copy: nulls do not collide in the unique index below.
    .addColumn('copied_from', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('chats_by_owner').on('chats').columns(['owner', 'updated_at']).execute();
  await db.schema
    .createIndex('chats_by_copy')
    .unique()
    .on('chats')
    .columns(['owner', 'copied_from'])
    .execute();
  await numbered(db, 'chat_messages')
    .addColumn('chat_id', 'integer', (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .addColumn('visible', 'integer', (column) => column.notNull())
    .addColumn('complete', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('chat_messages_by_chat')
    .on('chat_messages')
    .columns(['chat_id', 'id'])
    .execute();
}

/** Tasks of chats; `lease_until` is the end of the lease of the process that works on one. */
async function createChatTasks(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('chat_tasks')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('chat_id', 'integer', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .addColumn('error', 'text')
    .addColumn('rate', 'integer', (column) => column.notNull())
    .addColumn('prompt_tokens', 'integer', (column) => column.notNull())
    .addColumn('token_cost', 'integer')
    .addColumn('streamed', 'integer', (column) => column.notNull())
    .addColumn('stopping', 'integer', (column) => column.notNull())
    .addColumn('lease_until', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('ended_at', 'bigint')
    .execute();
  // For the tidying, which forgets tasks that have ended.
  await db.schema.createIndex('chat_tasks_by_end').on('chat_tasks').column('ended_at').execute();
}

/** Accounts, their records, and redeem codes. The database refuses a negative balance. */
async function createCredits(db: Kysely<unknown>, numbered: TableStyle['numbered']): Promise<void> {
  await db.schema
    .createTable('credit_accounts')
    .addColumn('owner', 'text', (column) => column.primaryKey())
    .addColumn('balance', 'bigint', (column) => column.notNull())
    .addCheckConstraint('credit_accounts_balance', sql`balance >= 0`)
    .execute();
  await numbered(db, 'credit_records')
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('amount', 'bigint', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('reference', 'text', (column) => column.notNull())
    .addColumn('step', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('credit_records_by_owner').on('credit_records').column('owner').execute();
  // Nothing is held, closed or redeemed twice.
  await db.schema
    .createIndex('credit_records_once')
    .unique()
    .on('credit_records')
    .columns(['reference', 'step'])
    .execute();
  await db.schema
    .createTable('redeem_codes')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('value', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('redeemed_by', 'text')
    .addColumn('redeemed_at', 'bigint')
    .execute();
}

/** The WeChat session behind a sign-in. */
async function createWeChatSessions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('wechat_sessions')
    .addColumn('sign_in_id', 'text', (column) => column.primaryKey())
    .addColumn('openid', 'text', (column) => column.notNull())
    .addColumn('session_key', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
}
