import { systemClock } from '../common/clock.ts';
import type { Kysely } from 'kysely';
import type { Control, Enqueued, NoteBody, Store, StoredControl, StoredTask } from '../core/store.ts';
import type { TaskRows } from './insert-shapes.ts';
import { lockRow } from './lock-row.ts';
import type { StoreNode } from './node.ts';
import type { Schema } from './schema.ts';

/** The tasks that users handed in, and the requests of other nodes to a session's owner. */
export function createInbox({
  db,
  writer,
  nextPosition,
  run,
}: StoreNode): Pick<
  Store,
  | 'enqueue'
  | 'listOpenTasks'
  | 'measureQueue'
  | 'isTaskOpen'
  | 'markStopping'
  | 'addControl'
  | 'isControlHandled'
  | 'listControls'
  | 'removeControl'
> {
  /** Whether the known task of this id has the same content. */
  async function compare(id: string, task: StoredTask): Promise<Enqueued> {
    const row = await db
      .selectFrom('task_contents')
      .select('body')
      .where('session_id', '=', id)
      .where('task_id', '=', task.taskId)
      .executeTakeFirst();
    return row?.body === taskBody(task) ? 'same' : 'conflict';
  }

  return {
    async enqueue(id, task, alone) {
      // The position is taken before the write: tasks of one tick keep the order in which they came.
      const rows = taskRows(id, task, nextPosition());
      if (!alone) {
        if ((await writer.write({ kind: 'enqueue', session: id, task: rows })) === true) return 'new';
        return compare(id, task);
      }
      // `alone`: the session's row is locked first, so that of two tasks on two nodes the second one sees the first.
      const outcome = await run(id, async (trx) => {
        await lockRow(trx, 'sessions', 'owner').where('id', '=', id).execute();
        const known = await trx
          .selectFrom('tasks')
          .select(['task_id', 'status'])
          .where('session_id', '=', id)
          .where(({ eb, or }) => or([eb('task_id', '=', task.taskId), eb('status', '=', 'open')]))
          .execute();
        // A known task is no rival of its own repetition, also when it is open.
        if (known.some((one) => one.task_id === task.taskId)) return 'known';
        if (known.length > 0) return 'busy';
        await trx.insertInto('tasks').values(rows.state).execute();
        await trx.insertInto('task_contents').values(rows.content).execute();
        return 'new';
      });
      return outcome === 'known' ? compare(id, task) : outcome;
    },

    async listOpenTasks(id, isKnown) {
      return (await listOpenTasksOf(db, [id], isKnown)).get(id) ?? [];
    },

    async measureQueue(id) {
      const { count, bytes } = await db
        .selectFrom('tasks')
        .select(({ fn, val }) => [
          fn.countAll<number | string>().as('count'),
          fn.coalesce(fn.sum<number | string>('bytes'), val(0)).as('bytes'),
        ])
        .where('session_id', '=', id)
        .where('status', '=', 'open')
        .executeTakeFirstOrThrow();
      return { count: Number(count), bytes: Number(bytes) };
    },

    async isTaskOpen(id, taskId) {
      const row = await db
        .selectFrom('tasks')
        .select('task_id')
        .where('session_id', '=', id)
        .where('task_id', '=', taskId)
        .where('status', '=', 'open')
        .executeTakeFirst();
      return row !== undefined;
    },

    async markStopping(id, epoch, taskIds, reason) {
      if (taskIds.length === 0) return;
      await writer.write({
        kind: 'append',
        session: id,
        epoch,
        // No line is appended. It is an append for the epoch: a node that was replaced stops nothing.
        rows: [],
        also: (trx) =>
          trx
            .updateTable('tasks')
            .set({ stopping: STOPPING[reason] })
            .where('session_id', '=', id)
            .where('status', '=', 'open')
            .where('task_id', 'in', taskIds)
            .execute(),
      });
    },

    async addControl(id, control) {
      // The owner removes the row when it has obeyed: the asker waits for that (`isControlHandled`).
      const key = systemClock.newId();
      const row = {
        session_id: id,
        key,
        position: nextPosition(),
        kind: control.kind,
        // null in a stop: all tasks.
        task_id: control.kind === 'stop' ? (control.taskId ?? null) : null,
        line: control.kind === 'note' ? JSON.stringify(control.line) : null,
      };
      await run(id, (trx) => trx.insertInto('controls').values(row).execute());
      return key;
    },

    async isControlHandled(id, key) {
      const row = await db
        .selectFrom('controls')
        .select('key')
        .where('session_id', '=', id)
        .where('key', '=', key)
        .executeTakeFirst();
      return row === undefined;
    },

    async listControls(id) {
      return (await listControlsOf(db, [id])).get(id) ?? [];
    },

    async removeControl(id, key) {
      await run(id, (trx) =>
        trx.deleteFrom('controls').where('session_id', '=', id).where('key', '=', key).execute(),
      );
    },
  };
}

/** The rows of an open task. */
export function taskRows(id: string, task: StoredTask, position: number): TaskRows {
  const key = { session_id: id, task_id: task.taskId };
  const body = taskBody(task);
  const bytes = Buffer.byteLength(body);
  const stream = task.stream ? 1 : 0;
  return {
    state: { ...key, position, bytes, stream, stopping: 0, status: 'open' },
    content: { ...key, body },
  };
}

/** Why a task was told to stop, as its row says it. */
const STOPPING = { stop: 1, estop: 2 } as const;

/**
 * Has every open task end as stopped when a session is worked on next: nothing new is sent for it. Resolves with their number. No
 * server may work on the database.
 */
export async function stopOpenTasks(db: Kysely<Schema>): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('tasks')
    .set({ stopping: STOPPING.stop })
    .where('status', '=', 'open')
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

/** The task of its rows, as the user handed it in. */
function parseTask(
  row: Pick<Schema['tasks'], 'task_id' | 'stream' | 'stopping'> & Pick<Schema['task_contents'], 'body'>,
): StoredTask {
  const handedIn = JSON.parse(row.body) as Omit<StoredTask, 'taskId' | 'stream' | 'stopping'>;
  const task: StoredTask = { taskId: row.task_id, ...handedIn, stream: row.stream === 1 };
  if (row.stopping === 0) return task;
  return { ...task, stopping: row.stopping === STOPPING.stop ? 'stop' : 'estop' };
}

/** The same text with the same settings is the same task. */
function taskBody({ form, content, said, settings }: StoredTask): string {
  return JSON.stringify({ form, content, said, settings });
}

/** The content that is read and parsed in one go, in bytes, and the most tasks of one statement. */
const GO_BYTES = 1024 * 1024;
const GO_COUNT = 100;

/**
 * The open tasks of sessions, in order of arrival, by session, without those that are known. Their content is read a megabyte
 * at a time: a full queue holds up nobody else.
 */
export async function listOpenTasksOf(
  db: Kysely<Schema>,
  ids: readonly string[],
  isKnown: (taskId: string) => boolean = () => false,
): Promise<Map<string, StoredTask[]>> {
  const heads = await db
    .selectFrom('tasks')
    .select(['session_id', 'task_id', 'position', 'bytes'])
    .where('session_id', 'in', ids)
    .where('status', '=', 'open')
    .orderBy('position')
    .execute();
  const unknown = heads.filter((head) => !isKnown(head.task_id));
  const tasks = new Map<string, StoredTask[]>();
  for (const go of goesOf(unknown)) {
    // Requests that came in meanwhile get their turn before the next megabyte is parsed.
    if (tasks.size > 0) await new Promise((resolve) => setImmediate(resolve));
    const rows = await db
      .selectFrom('tasks as t')
      .innerJoin('task_contents as c', (join) =>
        join.onRef('c.session_id', '=', 't.session_id').onRef('c.task_id', '=', 't.task_id'),
      )
      .select(['t.session_id', 't.task_id', 'body', 'stream', 'stopping'])
      // By key and not by range: tasks that the caller knows lie in between.
      .where(({ eb, and, or }) =>
        or(
          go.map((head) =>
            and([eb('t.session_id', '=', head.session_id), eb('t.task_id', '=', head.task_id)]),
          ),
        ),
      )
      .where('status', '=', 'open')
      .orderBy('position')
      .execute();
    for (const row of rows) add(tasks, row.session_id, parseTask(row));
  }
  return tasks;
}

/** Neighbours of together one megabyte, at most a hundred; or one that is larger. */
function goesOf<Head extends { bytes: number }>(heads: readonly Head[]): Head[][] {
  const goes: Head[][] = [];
  let room = -1; // the first one begins a go, also an empty one
  for (const head of heads) {
    if (head.bytes > room || goes.at(-1)!.length === GO_COUNT) {
      goes.push([]);
      room = GO_BYTES;
    }
    goes.at(-1)!.push(head);
    room -= head.bytes;
  }
  return goes;
}

/** The open requests to the owners of sessions, in order, by session. */
export async function listControlsOf(
  db: Kysely<Schema>,
  ids: readonly string[],
): Promise<Map<string, StoredControl[]>> {
  const rows = await db
    .selectFrom('controls')
    .select(['session_id', 'key', 'kind', 'task_id', 'line'])
    .where('session_id', 'in', ids)
    .orderBy('position')
    .execute();
  // Only a note has a line.
  return bySession(rows, ({ key, kind, task_id: taskId, line }) => {
    if (line !== null) return { key, control: { kind: 'note', line: JSON.parse(line) as NoteBody } };
    return { key, control: { kind, ...(taskId !== null && { taskId }) } as Control };
  });
}

function bySession<Row extends { session_id: string }, Value>(
  rows: readonly Row[],
  valueOf: (row: Row) => Value,
): Map<string, Value[]> {
  const values = new Map<string, Value[]>();
  for (const row of rows) add(values, row.session_id, valueOf(row));
  return values;
}

function add<Value>(values: Map<string, Value[]>, session: string, value: Value): void {
  const list = values.get(session);
  if (list) list.push(value);
  else values.set(session, [value]);
}
