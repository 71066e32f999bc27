import { sql, type Kysely, type Migration } from 'kysely';

/** The contents of tasks have a table of their own: the end of a task does not write its content anew. */
export const taskContents: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('task_contents')
      .addColumn('session_id', 'text', (column) => column.notNull())
      .addColumn('task_id', 'text', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('task_contents_pk', ['session_id', 'task_id'])
      .execute();
    await sql`insert into task_contents select session_id, task_id, body from tasks`.execute(db);
    await db.schema
      .alterTable('tasks')
      .addColumn('bytes', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
    await sql`update tasks set bytes = octet_length(body)`.execute(db);
    await db.schema.alterTable('tasks').dropColumn('body').execute();
  },
};
