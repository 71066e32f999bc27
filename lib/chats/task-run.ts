import type { Clock } from '../common/clock.ts';
import { startPeriodic } from '../common/periodic.ts';
import { AppError } from '../errors.ts';
import type { Ledger } from '../credits/ledger.ts';
import type { ChatsDb } from './schema.ts';
import { endTask, unfinished, type TaskEnd } from './task-end.ts';
import type { TaskWatch } from './task-watch.ts';

/** The work of a task: it says its text in pieces, and resolves with its result. Rejects with an AppError or the signal's reason. */
export type TaskWork = (
  signal: AbortSignal,
  say: (piece: string) => void,
) => Promise<Omit<TaskEnd, 'status'>>;

/** The reason of a task's signal when the task shall end as finished, with the text so far. */
export class TaskCut extends AppError {
  override readonly name = 'TaskCut';
  constructor() {
    super('stopped', 'The task was cut off.');
  }
}

/** The parts that all runs of tasks share. */
export interface TaskRunParts {
  db: ChatsDb;
  ledger: Ledger;
  clock: Clock;
  watching: TaskWatch;
  onError(error: unknown): void;
  /** Cuts a task off that runs in this process. */
  cut(id: string): void;
}

/** How long a silent process is believed to work on its tasks. */
export const TASK_LEASE_MS = 30_000;
/** A crash loses at most the text of this time. */
const SAVE_EVERY_MS = 1000;

/** Runs the work of a task from its first state to its end. Rejects only when the end cannot be stored. */
export async function runChatTask(
  parts: TaskRunParts,
  id: string,
  work: TaskWork,
  signal: AbortSignal,
): Promise<void> {
  const { watching, onError } = parts;
  let said = '';
  const save = (): Promise<void> => saveText(parts, id, said);
  watching.tell(id, { status: 'running', content: '', error: null, tokenCost: null });
  const saving = startPeriodic({ pauseMs: SAVE_EVERY_MS, work: save, onError, clock: parts.clock });
  let how: TaskEnd;
  try {
    // The row says `running` before the work begins. A task that was removed meanwhile is cut off here.
    await save();
    signal.throwIfAborted(); // a task may be removed before it begins
    const done = await work(signal, (piece) => {
      said += piece.replaceAll('\0', ''); // PostgreSQL keeps no NUL in a text
      watching.tell(id, { status: 'running', content: said, error: null, tokenCost: null });
    });
    how = { status: 'finished', ...done };
  } catch (error) {
    how =
      signal.reason instanceof TaskCut
        ? { status: 'finished', content: said, complete: false }
        : { status: 'failed', content: said, complete: false, error: safeTextOf(error) };
    // An AppError is for the client; anything else is a fault of this server.
    if (!(error instanceof AppError)) onError(error);
  }
  // No save may follow the end: it would find the row ended, and cut a task that is over.
  await saving.stop();
  const ended = await endTask(parts, id, how);
  if (ended) watching.tell(id, ended);
}

/** Stores the text so far and renews the lease; a task that was removed, or that another process has ended, is cut off. */
async function saveText({ db, clock, cut }: TaskRunParts, id: string, content: string): Promise<void> {
  const kept = await db
    .updateTable('chat_tasks')
    .set({ status: 'running', content, lease_until: clock.now() + TASK_LEASE_MS })
    .where('id', '=', id)
    .where('status', 'in', unfinished)
    .where('stopping', '=', 0)
    .returning('id')
    .executeTakeFirst();
  if (!kept) cut(id);
}

/** The text of a failure that a client may see. */
function safeTextOf(error: unknown): string {
  const text = error instanceof AppError ? error.message : 'The server failed.';
  return text.replaceAll('\0', '');
}
