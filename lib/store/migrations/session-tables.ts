import type { Kysely, Migration } from 'kysely';

/** Sessions, their logs, inboxes, journals and controls. */
export const sessionTables: Migration = {
  async up(db: Kysely<unknown>) {
    await createSessions(db);
    await db.schema
      .createTable('messages')
      .addColumn('session_id', 'text', (column) => column.notNull())
      .addColumn('seq', 'bigint', (column) => column.notNull())
      .addColumn('time', 'bigint', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('messages_pk', ['session_id', 'seq'])
      .execute();
    await createTasks(db);
    await createCalls(db);
    await db.schema
      .createTable('controls')
      .addColumn('session_id', 'text', (column) => column.notNull())
      .addColumn('key', 'text', (column) => column.notNull())
      .addColumn('position', 'bigint', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('task_id', 'text')
      .addPrimaryKeyConstraint('controls_pk', ['session_id', 'key'])
      .execute();
  },
};

/** One row for each session. */
async function createSessions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('sessions')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('config', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('epoch', 'bigint', (column) => column.notNull())
    .addColumn('node', 'text')
    // 0008 drops it: a node has one lease for all its sessions.
    .addColumn('lease_until', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('sessions_by_owner').on('sessions').column('owner').execute();
  // For the sweep of expired sessions.
  await db.schema.createIndex('sessions_by_expiry').on('sessions').column('expires_at').execute();
}

/** The inbox. The index has only open tasks, which are few. */
async function createTasks(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('tasks')
    .addColumn('session_id', 'text', (column) => column.notNull())
    .addColumn('task_id', 'text', (column) => column.notNull())
    .addColumn('position', 'bigint', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('stream', 'integer', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('tasks_pk', ['session_id', 'task_id'])
    .execute();
  await db.schema
    .createIndex('tasks_open')
    .on('tasks')
    .columns(['session_id', 'position'])
    .where('status' as never, '=', 'open')
    .execute();
}

/** The journal of write calls. */
async function createCalls(db: Kysely<unknown>): Promise<void> {
  await db.schema
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
    .addPrimaryKeyConstraint('calls_pk', ['session_id', 'seq', 'call_id'])
    .execute();
}
