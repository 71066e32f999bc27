import type { Transaction } from 'kysely';
import { createPauses } from '../common/pauses.ts';
import type { Schema } from './schema.ts';

/** So many rows are removed at first: each may have a megabyte, whose pages are freed one by one. */
const FEWEST_AT_ONCE = 10;
/** So many are removed at once where they are small. */
const MOST_AT_ONCE = 160;
/** Rows that are removed within this time, in ms, are small. */
const SMALL_MS = 2;

/** Removes the lines of a log, all or those with a number below `end`. The event loop is not held, however large they are. */
export async function removeLines(trx: Transaction<Schema>, session: string, end?: number): Promise<void> {
  await removeAll((count) => {
    let some = trx.selectFrom('messages').select('seq').where('session_id', '=', session);
    if (end !== undefined) some = some.where('seq', '<', end);
    const portion = some.orderBy('seq').limit(count);
    return trx
      .deleteFrom('messages')
      .where('session_id', '=', session)
      .where('seq', 'in', portion)
      .executeTakeFirst();
  });
}

/** Removes the tasks of a session with their contents: all, or those that have ended, or that came before a position. */
export async function removeTasks(
  trx: Transaction<Schema>,
  session: string,
  { keepOpen = false, before }: { keepOpen?: boolean; before?: number } = {},
): Promise<void> {
  let tasks = trx.deleteFrom('tasks').where('session_id', '=', session);
  if (keepOpen) tasks = tasks.where('status', '!=', 'open');
  // A position, in µs since the epoch (`StoreNode.nextPosition`), not in ms.
  if (before !== undefined) tasks = tasks.where('position', '<', before);
  await tasks.execute();
  // The states are small and go in one statement. Their contents may be large: each content without a state follows, in portions.
  const kept = trx.selectFrom('tasks').select('task_id').where('session_id', '=', session);
  await removeAll((count) => {
    const portion = trx
      .selectFrom('task_contents')
      .select('task_id')
      .where('session_id', '=', session)
      .where('task_id', 'not in', kept)
      .limit(count);
    return trx
      .deleteFrom('task_contents')
      .where('session_id', '=', session)
      .where('task_id', 'in', portion)
      .executeTakeFirst();
  });
}

/** Removes portions until one is not full. Other work runs in between. */
async function removeAll(remove: (count: number) => Promise<{ numDeletedRows: bigint }>): Promise<void> {
  const pause = createPauses();
  for (let count = FEWEST_AT_ONCE; ; await pause()) {
    const began = performance.now();
    const { numDeletedRows } = await remove(count);
    if (numDeletedRows < BigInt(count)) return;
    // One slow portion is enough to begin small again: the next rows are as likely to be large.
    count = performance.now() - began < SMALL_MS ? Math.min(2 * count, MOST_AT_ONCE) : FEWEST_AT_ONCE;
  }
}
