import type { MessageBody } from '../core/message.ts';
import type { Store } from '../core/store.ts';
import type { StoreNode } from './node.ts';
import { removeLines, removeTasks } from './remove-rows.ts';

/** So many sessions are looked at in one call. */
const SESSIONS_AT_ONCE = 20;
/** So many lines of a log are read at once. */
const LINES_A_PAGE = 500;
/** How many lines one transaction removes, about; more only when one task has more. */
const LINES_AT_ONCE = 1000;

/** Removes what is older than a time, a little at once: other writes get their turn between. */
export function createRetention(node: StoreNode): Pick<Store, 'prune' | 'pruneJournal'> {
  const { db, run } = node;
  return {
    async prune(before, after) {
      const sessions = await db
        .selectFrom('sessions')
        .select(['id', 'created_at'])
        .where('id', '>', after)
        .orderBy('id')
        .limit(SESSIONS_AT_ONCE)
        .execute();
      const idle: string[] = [];
      for (const { id, created_at: createdAt } of sessions) {
        if (await isIdle(node, id, createdAt, before)) {
          // Its rows stay: the caller claims the session first, and removes it as a whole.
          idle.push(id);
          continue;
        }
        // Each portion is a transaction of its own.
        while (await pruneLog(node, id, before));
        await run(id, async (trx) => {
          await trx
            .deleteFrom('questions')
            .where('session_id', '=', id)
            .where('is_open', '=', 0)
            .where('expires_at', '<', before)
            .execute();
          // The positions of tasks are in µs.
          await removeTasks(trx, id, { keepOpen: true, before: before * 1000 });
        });
      }
      return { idle, next: sessions.length < SESSIONS_AT_ONCE ? undefined : sessions.at(-1)?.id };
    },

    async pruneJournal(before, after) {
      let last = after;
      for (let count = 0; count < SESSIONS_AT_ONCE; count += 1) {
        // One step along the primary key for each session, however many rows it has.
        const found = await db
          .selectFrom('calls')
          .select('session_id')
          .where('session_id', '>', last)
          .orderBy('session_id')
          .limit(1)
          .executeTakeFirst();
        if (!found) return undefined;
        const { session_id: id } = found;
        last = id;
        await run(id, (trx) =>
          trx
            .deleteFrom('calls')
            .where('session_id', '=', id)
            .where('sent_at', '<', before)
            // The journal of an open task says what was sent already: a later owner of the session needs it.
            .where('task_id', 'not in', ({ selectFrom }) =>
              selectFrom('tasks').select('task_id').where('session_id', '=', id).where('status', '=', 'open'),
            )
            .execute(),
        );
      }
      return last;
    },
  };
}

/** The last number up to which every task has ended, among lines older than `before`; undefined when there is none. */
async function cutOf(
  { db }: StoreNode,
  id: string,
  after: number,
  before: number,
): Promise<number | undefined> {
  const open = new Set<string>();
  let cut: number | undefined;
  for (let at = after; ;) {
    const page = await db
      .selectFrom('messages')
      .select(['seq', 'time', 'body'])
      .where('session_id', '=', id)
      .where('seq', '>', at)
      .orderBy('seq')
      .limit(LINES_A_PAGE)
      .execute();
    for (const { seq, time, body } of page) {
      if (time >= before) return cut;
      // `run`: a task with the id of the message answers it.
      const line = JSON.parse(body) as MessageBody;
      if (line.type === 'task_started') open.add(line.taskId);
      if (line.type === 'message_added' && line.run) open.add(line.id);
      // null: a stop that found no task to stop.
      if (line.type === 'task_ended' && line.taskId !== null) open.delete(line.taskId);
      if (open.size === 0) cut = seq;
    }
    at = page.at(-1)?.seq ?? at;
    // Enough for one transaction; the next call goes on from the new first line.
    if (page.length < LINES_A_PAGE || (cut !== undefined && at - after >= LINES_AT_ONCE)) return cut;
  }
}

/** Lets the log begin later: its first line takes the place of the last line that is removed. False: nothing to remove. */
async function pruneLog(node: StoreNode, id: string, before: number): Promise<boolean> {
  const { db, run } = node;
  // The first line stays in any case: the second one says whether there is something to remove.
  const [first, second] = await db
    .selectFrom('messages')
    .select(['seq', 'time', 'body'])
    .where('session_id', '=', id)
    .orderBy('seq')
    .limit(2)
    .execute();
  if (!first || !second || second.time >= before) return false;
  const cut = await cutOf(node, id, first.seq, before);
  if (cut === undefined) return false;
  return run(id, async (trx) => {
    const moved = await trx
      .updateTable('messages')
      .set({ body: first.body, marks: null })
      .where('session_id', '=', id)
      .where('seq', '=', cut)
      .executeTakeFirst();
    if (moved.numUpdatedRows === 0n) return false; // the log was cleared meanwhile
    await removeLines(trx, id, cut);
    return true;
  });
}

/** Whether nothing was written since `before`, and no task is open. */
async function isIdle({ db }: StoreNode, id: string, createdAt: number, before: number): Promise<boolean> {
  const last = await db
    .selectFrom('messages')
    .select('time')
    .where('session_id', '=', id)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  if ((last?.time ?? createdAt) >= before) return false;
  const open = await db
    .selectFrom('tasks')
    .select('task_id')
    .where('session_id', '=', id)
    .where('status', '=', 'open')
    .limit(1)
    .executeTakeFirst();
  return open === undefined;
}
