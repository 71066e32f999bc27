import type { ToolCall } from '../../core/message.ts';
import type { Session } from '../../core/session.ts';
import type { AppError } from '../../errors.ts';
import { resultOfOutput } from './client-output.ts';
import { invalidField } from './errors.ts';
import { openLogWindow } from './log-window.ts';
import type { CallOutput } from './read-input.ts';
import { callsForClient, readRecord, type TaskRecord } from './task-record.ts';

/** A task that waits for results of its client's own functions. */
export interface WaitingTask {
  session: Session;
  record: TaskRecord;
  /** A line before the lines of the task. */
  after: number;
  /** The calls that wait; at least one. */
  calls: ToolCall[];
}

/** How many lines are read at once. */
const PAGE_LINES = 8;

/** The end of a session's log: the number of its last line, and the task that is not over, with a line before its lines. */
export interface LogEnd {
  lastSeq: number;
  open: { taskId: string; after: number } | undefined;
}

/** The end of a session's log. It is read only where this node does not know it: a read costs as much as the rest of the request. */
export async function readLogEnd(session: Session): Promise<LogEnd> {
  const idleSeq = session.idleSeq();
  if (idleSeq !== undefined) return { lastSeq: idleSeq, open: undefined };
  const [last] = await session.read({ before: Number.MAX_SAFE_INTEGER }, 1);
  const lastSeq = last?.seq ?? 0;
  // The last line says mostly that no task is open.
  const isOver = !last || last.type === 'session_started' || (last.type === 'task_ended' && last.taskId);
  return { lastSeq, open: isOver ? undefined : await findOpenTask(session, lastSeq) };
}

/** The last task of a session; undefined when it has ended, and where there is none. */
async function findOpenTask(session: Session, lastSeq: number): Promise<LogEnd['open']> {
  let taskId: string | undefined;
  for await (const line of openLogWindow(session, lastSeq + 1, PAGE_LINES).back()) {
    // The task that the line belongs to.
    const own =
      line.type === 'message_added'
        ? line.run
          ? line.id
          : undefined
        : 'taskId' in line
          ? line.taskId
          : undefined;
    if (own === undefined || own === null) continue;
    taskId ??= own;
    if (own !== taskId) continue;
    if (line.type === 'task_ended') return undefined;
    // Its first line.
    if (line.type === 'message_added' || (line.type === 'task_started' && !line.added))
      return { taskId, after: line.seq - 1 };
  }
  return undefined;
}

/** A task, if it waits for its client; undefined if it does not. */
export async function waitingTaskAt(
  session: Session,
  taskId: string,
  after: number,
): Promise<WaitingTask | undefined> {
  const record = await readRecord(session, taskId, after);
  const calls = callsForClient(record);
  return calls.length > 0 ? { session, record, after, calls } : undefined;
}

/** Throws `invalid_request`, as OpenAI does, unless there is exactly one output for each call that waits. */
export function checkOutputs(
  calls: readonly ToolCall[],
  outputs: readonly Pick<CallOutput, 'callId'>[],
  field: string,
): void {
  const waiting = new Set(calls.map(({ callId }) => callId));
  for (const { callId } of outputs) if (!waiting.delete(callId)) throw notAwaited(callId, field);
  const [missing] = waiting;
  if (missing !== undefined)
    throw invalidField(field, `lacks an output: No tool output found for function call ${missing}`);
}

/** The error for an output that no call waits for: it has its result already, or its task is over, or it was never made. */
export function notAwaited(callId: string, field: string): AppError {
  return invalidField(
    field,
    `has an output for "${callId.slice(0, 100)}": no tool call found for it that waits`,
  );
}

/** Gives the results of a client's calls to their task. Rejects with `conflict` when a call has a result already. */
export async function giveOutputs(
  session: Session,
  { asked }: TaskRecord,
  outputs: readonly Pick<CallOutput, 'callId' | 'output'>[],
): Promise<void> {
  for (const { callId, output } of outputs)
    // A call without an open question has its result already: the session refuses another one.
    await session.answer(asked.get(callId) ?? '', resultOfOutput(output));
}
