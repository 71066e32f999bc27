import { sql, type Kysely, type Transaction } from 'kysely';
import { withMark } from '../core/marks.ts';
import type { Marks, Message } from '../core/message.ts';
import type { Store, StoredTask, TaskChange } from '../core/store.ts';
import { taskRows } from './inbox.ts';
import { messageRow, parseMessage } from './message-rows.ts';
import type { StoreNode } from './node.ts';
import { inPortions } from './portions.ts';
import { closeQuestions, questionRow } from './questions.ts';
import { removeLines, removeTasks } from './remove-rows.ts';
import type { Schema } from './schema.ts';

/** So many lines are read at once. */
const PAGE_MAX_COUNT = 200;
/** A page ends with the line that reaches so many bytes: a line may have megabytes, and a reader may be slow. */
const PAGE_MAX_BYTES = 256 * 1024;

type LineRow = Parameters<typeof parseMessage>[0];

/** The logs: lines are appended under an epoch, and read from a number on. */
export function createMessageLog({
  db,
  vault,
  writer,
  nextPosition,
}: StoreNode): Pick<Store, 'append' | 'read' | 'readPage' | 'readBack' | 'clear' | 'lastSeqs'> {
  // Compiled once, with placeholders. The parameters that replace them are in the order of the query: status, session, task.
  const ending = db
    .updateTable('tasks')
    .set({ status: 'done' })
    .where('session_id', '=', '')
    .where('task_id', '=', '')
    .compile();
  /** The change of the other tables that goes with an append. */
  const changing = (id: string, change: Exclude<TaskChange, { began: StoredTask }>) => {
    if ('asked' in change) {
      const row = questionRow(id, change.asked, nextPosition());
      return (trx: Transaction<Schema>) => trx.insertInto('questions').values(row).execute();
    }
    if ('closed' in change) return (trx: Transaction<Schema>) => closeQuestions(trx, { id: change.closed });
    const end = { ...ending, parameters: [change.status, id, change.ended] };
    return async (trx: Transaction<Schema>) => {
      await trx.executeQuery(end);
      if (change.hasAsked) await closeQuestions(trx, { session: id, task: change.ended });
    };
  };
  // Every turn reads its log, so that these queries are built once.
  // The values are placeholders: `read` replaces them by the session, the number and the limit.
  const lines = db
    .selectFrom('messages')
    .select(['seq', 'time', 'body', 'marks'])
    .where('session_id', '=', '')
    .limit(1);
  const forth = lines.where('seq', '>', 0).orderBy('seq').compile();
  const back = lines.where('seq', '<', 0).orderBy('seq', 'desc').compile();
  const page = pageQuery(db).compile();
  const read = async (query: typeof forth, ...parameters: [id: string, seq: number, limit: number]) => {
    const { rows } = await db.executeQuery<LineRow>({ ...query, parameters });
    return rows.map((row) => parseMessage(row, vault));
  };

  return {
    async append(id, epoch, messages, change) {
      const rows = messages.map((message) => messageRow(id, message, vault));
      const log = { kind: 'append', session: id, epoch, rows } as const;
      // A task that begins is a row of the writer's common statements. Every other change has statements of its own.
      if (change && 'began' in change)
        return void (await writer.write({ ...log, task: taskRows(id, change.began, nextPosition()) }));
      // Both happen after the rows are inserted, so that a mark may be for a line of this very append.
      const writes = [change && changing(id, change), marking(id, messages)].filter(
        (run) => run !== undefined,
      );
      const also = async (trx: Transaction<Schema>) => {
        for (const run of writes) await run(trx);
      };
      await writer.write(writes.length > 0 ? { ...log, also } : log);
    },

    read: (id, after, limit) => read(forth, id, after, limit),
    async readPage(id, after) {
      const { rows } = await db.executeQuery<LineRow & { before: number; bytes: number }>({
        ...page,
        parameters: [id, after, PAGE_MAX_COUNT, id, PAGE_MAX_BYTES],
      });
      const last = rows.at(-1);
      // A full page may have been the last one all the same: the reader then finds an empty one.
      const hasMore =
        rows.length === PAGE_MAX_COUNT || (last !== undefined && last.before + last.bytes >= PAGE_MAX_BYTES);
      return { lines: rows.map((row) => parseMessage(row, vault)), hasMore };
    },
    readBack: (id, before, limit) => read(back, id, before, limit),

    async clear(id, epoch, first) {
      await writer.write({
        kind: 'append',
        session: id,
        epoch,
        rows: [messageRow(id, first, vault)],
        async also(trx) {
          // `first` is in the log already, and its number is the highest: the lines below it are the old log.
          await removeLines(trx, id, first.seq);
          // The owner has ended its tasks. A task that came in meanwhile is open, and belongs to the new log.
          await removeTasks(trx, id, { keepOpen: true });
          await closeQuestions(trx, { session: id });
        },
      });
    },

    async lastSeqs(ids) {
      const last = new Map<string, number>();
      for (const some of inPortions(ids)) {
        // One step to the end of each log; grouping would read the logs.
        const rows = await db
          .selectFrom('sessions')
          .select('id')
          .select(({ selectFrom }) =>
            selectFrom('messages')
              .select(({ fn }) => fn.max('seq').as('seq'))
              .whereRef('session_id', '=', 'sessions.id')
              .as('seq'),
          )
          .where('id', 'in', some)
          .execute();
        for (const { id, seq } of rows) last.set(id, seq ?? 0);
      }
      return last;
    },
  };
}

/**
 * The next lines of a log, each with its bytes and those of the lines before it. Its parameters: the session, the number before the
 * first line, the most lines, the session again, the most bytes before a line. Both engines know the length of a text without its
 * content.
 */
function pageQuery(db: Kysely<Schema>) {
  const bytes = sql<number>`octet_length(body)`;
  const next = db
    .selectFrom('messages')
    .select('seq')
    .select(bytes.as('bytes'))
    .select(sql<number>`sum(${bytes}) over (order by seq rows unbounded preceding) - ${bytes}`.as('before'))
    .where('session_id', '=', '')
    .where('seq', '>', 0)
    .orderBy('seq')
    .limit(1);
  return db
    .selectFrom(next.as('next'))
    .innerJoin('messages', 'messages.seq', 'next.seq')
    .select(['messages.seq', 'time', 'body', 'marks', 'bytes', 'before'])
    .where('session_id', '=', '')
    .where('before', '<', 0)
    .orderBy('messages.seq');
}

/** The write that puts the marks of `message_marked` lines on the lines they name; undefined when there are none. */
function marking(id: string, messages: readonly Message[]) {
  const marks = messages.flatMap((line) => (line.type === 'message_marked' ? line : []));
  if (marks.length === 0) return undefined;
  return async (trx: Transaction<Schema>): Promise<void> => {
    // One line after the other: two marks of one append may be for the same line, and the second one adds to the first.
    for (const { of, part, mark } of marks)
      for (const seq of of) {
        const line = trx.selectFrom('messages').where('session_id', '=', id).where('seq', '=', seq);
        const row = await line.select('marks').executeTakeFirst();
        if (!row) continue; // it was cleared
        const before = row.marks === null ? {} : (JSON.parse(row.marks) as Marks);
        await trx
          .updateTable('messages')
          .set({ marks: JSON.stringify(withMark(before, part, mark)) })
          .where('session_id', '=', id)
          .where('seq', '=', seq)
          .execute();
      }
  };
}
