import { sql } from 'kysely';
import type { Insertable, OnConflictBuilder, OnConflictUpdateBuilder } from 'kysely';
import type { Schema } from './schema.ts';

/** One row of a table, ready to be inserted. */
export type Row<Table extends keyof Schema> = Insertable<Schema[Table]>;

/** How rows of a table are inserted: the order of the parameters, and the key of a row that may be there already. */
export interface InsertShape<Table extends keyof Schema> {
  /** In the order of the members of a row: Kysely compiles them in that order, and the writer replaces only the parameters afterwards. */
  columns: (keyof Row<Table>)[];
  /** Missing: the statement fails where a row is there already. */
  key?: (row: Row<Table>) => string;
  /** Changes a row that is there already; such a row stays as it is when this is missing. */
  again?: (conflict: OnConflictBuilder<Schema, Table>) => OnConflictUpdateBuilder<Schema, Table>;
}

/** A task with its content, ready to be inserted. */
export interface TaskRows {
  state: Row<'tasks'>;
  content: Row<'task_contents'>;
}

/** The key of a task's row. */
export const taskKey = (row: Pick<Row<'tasks'>, 'session_id' | 'task_id'>): string =>
  `${row.session_id} ${row.task_id}`;
/** The key of a call's row. */
export const callKey = (row: Row<'calls'>): string => `${row.session_id} ${row.seq} ${row.call_id}`;

/** How lines are inserted. */
export const MESSAGES: InsertShape<'messages'> = { columns: ['session_id', 'seq', 'time', 'body'] };
/** How tasks are inserted. */
export const TASKS: InsertShape<'tasks'> = {
  columns: ['session_id', 'task_id', 'position', 'bytes', 'stream', 'stopping', 'status'],
  key: taskKey,
};
/** How the contents of tasks are inserted. */
export const CONTENTS: InsertShape<'task_contents'> = { columns: ['session_id', 'task_id', 'body'] };
/** How permits are inserted. */
export const CALLS: InsertShape<'calls'> = {
  columns: [
    'session_id',
    'seq',
    'call_id',
    'task_id',
    'tool',
    'arguments',
    'outcome',
    'sent_at',
    'settled_at',
  ],
  key: callKey,
  // A call that was surely not sent may be sent now.
  again: (conflict) =>
    conflict
      .columns(['session_id', 'seq', 'call_id'])
      .doUpdateSet(({ ref }) => ({
        outcome: sql.lit('sent'),
        sent_at: ref('excluded.sent_at'),
        settled_at: sql.lit(null),
      }))
      .where('calls.outcome', '=', sql.lit('none')),
};

/** The contents of the tasks with these keys. Of several tasks with one key the first is the one that was inserted. */
export function contentsOf(tasks: readonly TaskRows[], keys: ReadonlySet<string>): Row<'task_contents'>[] {
  const first = new Map(tasks.toReversed().map(({ content }) => [taskKey(content), content]));
  return [...first].flatMap(([key, content]) => (keys.has(key) ? [content] : []));
}
