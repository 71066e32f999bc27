import type { Message } from '../../core/message.ts';
import type { Session } from '../../core/session.ts';
import { unknownCursor } from './errors.ts';
import { noSuchRun, runIdOf } from './ids.ts';
import { isRunOnly } from './message-format.ts';
import { openLogWindow } from './log-window.ts';
import { formatRun } from './run-format.ts';
import { readRecord, type TaskRecord } from './task-record.ts';

/** How many lines are read at once. */
const PAGE_LINES = 100;

/** A run of a thread, and a line before its lines. */
export interface FoundRun {
  record: TaskRecord;
  after: number;
}

/**
 * A run of a thread: the task of its session with this id. Throws `not_found`. The log is read from its end: the id of a run
 * has no place in it.
 */
export async function findRun(session: Session, runId: string): Promise<FoundRun> {
  for await (const line of openLogWindow(session, Number.MAX_SAFE_INTEGER, PAGE_LINES).back()) {
    const taskId = taskBegunAt(line);
    if (taskId === undefined || runIdOf(taskId) !== runId) continue;
    const after = line.seq - 1;
    return { record: await readRecord(session, taskId, after), after };
  }
  throw noSuchRun(runId);
}

/** The place of the last message that was said in a thread: a run answers the messages up to it. Answers of the agent are none. */
export async function lastMessageIn(session: Session): Promise<string> {
  for await (const line of openLogWindow(session, Number.MAX_SAFE_INTEGER, PAGE_LINES).back())
    if (line.type === 'message_added' ? !isRunOnly(line) : line.type === 'task_started' && !line.added)
      return String(line.seq);
  return '';
}

/** The runs of a thread that a client asks for. */
export interface RunPage {
  limit: number;
  order: 'asc' | 'desc';
  after?: string | undefined;
  /** With `after` the page ends here. Without it the page is the one right before this run. */
  before?: string | undefined;
}

/** A page of a thread's runs. `more`: there are others in its direction. Throws `invalid_request` for an unknown cursor. */
export async function listRuns(session: Session, { limit, order, after, before }: RunPage) {
  const runs: ReturnType<typeof formatRun>[] = [];
  const turned = after === undefined && before !== undefined;
  const [edge, stop] = turned ? [before, undefined] : [after, before];
  const isForth = (order === 'asc') !== turned;
  // A page before a run was read backwards.
  const page = (more: boolean) => ({ runs: turned ? runs.toReversed() : runs, more });
  let isPast = edge === undefined;
  const window = openLogWindow(session, isForth ? 1 : Number.MAX_SAFE_INTEGER, PAGE_LINES);
  for await (const line of isForth ? window.forth() : window.back()) {
    const taskId = taskBegunAt(line);
    if (taskId === undefined) continue;
    const id = runIdOf(taskId);
    if (id === stop) return page(false);
    if (!isPast) {
      isPast = id === edge;
      continue;
    }
    if (runs.length === limit) return page(true);
    runs.push(formatRun(session, await readRecord(session, taskId, line.seq - 1)));
  }
  if (!isPast) throw unknownCursor(turned ? 'before' : 'after', 'a run of this thread');
  return page(false);
}

/** The task that begins with a line; undefined for any other line. */
function taskBegunAt(line: Message): string | undefined {
  if (line.type === 'message_added') return line.run ? line.id : undefined;
  return line.type === 'task_started' && !line.added ? line.taskId : undefined;
}
