import { sql, SqliteAdapter } from 'kysely';
import type { CreateTableBuilder, Kysely, Migration } from 'kysely';
import { accountTables } from './account-tables.ts';
import { agentTables } from './agent-tables.ts';
import { fileTables } from './file-tables.ts';
import { chatTables } from './chat-tables.ts';

/** Every change of the schema, in order; never edited once released. One list for both engines. */
export const migrations: Record<string, Migration> = {
  '0001-sessions': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('sessions')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('owner', 'text', (column) => column.notNull())
        .addColumn('config', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('expires_at', 'bigint')
        .addColumn('epoch', 'bigint', (column) => column.notNull())
        .addColumn('node', 'text')
        .addColumn('lease_until', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('sessions_by_owner').on('sessions').column('owner').execute();
      await db.schema.createIndex('sessions_by_expiry').on('sessions').column('expires_at').execute();
      await clustered(
        db,
        db.schema
          .createTable('messages')
          .addColumn('session_id', 'text', (column) => column.notNull())
          .addColumn('seq', 'bigint', (column) => column.notNull())
          .addColumn('time', 'bigint', (column) => column.notNull())
          .addColumn('body', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('messages_pk', ['session_id', 'seq']),
      ).execute();
      await clustered(
        db,
        db.schema
          .createTable('tasks')
          .addColumn('session_id', 'text', (column) => column.notNull())
          .addColumn('task_id', 'text', (column) => column.notNull())
          .addColumn('position', 'bigint', (column) => column.notNull())
          .addColumn('body', 'text', (column) => column.notNull())
          .addColumn('stream', 'integer', (column) => column.notNull())
          .addColumn('status', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('tasks_pk', ['session_id', 'task_id']),
      ).execute();
      await db.schema
        .createIndex('tasks_open')
        .on('tasks')
        .columns(['session_id', 'position'])
        .where('status' as never, '=', 'open')
        .execute();
      await clustered(
        db,
        db.schema
          .createTable('calls')
          .addColumn('session_id', 'text', (column) => column.notNull())
          .addColumn('seq', 'bigint', (column) => column.notNull())
          .addColumn('call_id', 'text', (column) => column.notNull())
          .addColumn('task_id', 'text', (column) => column.notNull())
          .addColumn('tool', 'text', (column) => column.notNull())
          .addColumn('arguments', 'text', (column) => column.notNull())
          .addColumn('outcome', 'text', (column) => column.notNull())
          .addColumn('sent_at', 'bigint', (column) => column.notNull())
          .addColumn('settled_at', 'bigint')
          .addPrimaryKeyConstraint('calls_pk', ['session_id', 'seq', 'call_id']),
      ).execute();
      await clustered(
        db,
        db.schema
          .createTable('controls')
          .addColumn('session_id', 'text', (column) => column.notNull())
          .addColumn('key', 'text', (column) => column.notNull())
          .addColumn('position', 'bigint', (column) => column.notNull())
          .addColumn('kind', 'text', (column) => column.notNull())
          .addColumn('task_id', 'text')
          .addPrimaryKeyConstraint('controls_pk', ['session_id', 'key']),
      ).execute();
    },
  },
  '0002-stopping': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .alterTable('tasks')
        .addColumn('stopping', 'integer', (column) => column.notNull().defaultTo(0))
        .execute();
    },
  },
  '0003-accounts': accountTables,
  '0004-threads': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('sessions').addColumn('attributes', 'text').execute();
      await db.schema.alterTable('messages').addColumn('marks', 'text').execute();
      await db.schema.alterTable('controls').addColumn('line', 'text').execute();
    },
  },
  '0005-agents': agentTables,
  '0006-files': fileTables,
  '0007-chats': chatTables,
  '0008-nodes': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('nodes')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('lease_until', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema.alterTable('sessions').dropColumn('lease_until').execute();
    },
  },
};

/** On SQLite the table is its primary key's tree: half the pages of a table with an index beside it. */
function clustered<T extends string>(
  db: Kysely<unknown>,
  table: CreateTableBuilder<T>,
): CreateTableBuilder<T> {
  return db.getExecutor().adapter instanceof SqliteAdapter ? table.modifyEnd(sql`without rowid`) : table;
}
