import { endError } from '../../core/ask.ts';
import type { Message, MessageAdded, ToolCall } from '../../core/message.ts';
import type { Session } from '../../core/session.ts';
import { until } from '../../core/until.ts';

type Line<Type extends Message['type']> = Extract<Message, { type: Type }>;

/** A reply of the model in a task, with the results of its calls in the order in which they came. */
export interface ReplyRecord {
  line: Line<'model_reply'>;
  results: Line<'tool_result'>[];
}

/** The lines of one task, sorted. Responses, runs and the items of a conversation are views of it. */
export interface TaskRecord {
  taskId: string;
  /** The user message, where it is a line of its own. */
  said: (Message & MessageAdded) | undefined;
  started: Line<'task_started'> | undefined;
  replies: ReplyRecord[];
  ended: Line<'task_ended'> | undefined;
}

/** A record without lines. */
export function newRecord(taskId: string): TaskRecord {
  return { taskId, said: undefined, started: undefined, replies: [], ended: undefined };
}

/** Adds a line to a record. False: the line is of no task, or of another one. */
export function addToRecord(record: TaskRecord, line: Message): boolean {
  if (line.type === 'message_added') {
    if (line.id !== record.taskId || !line.run) return false;
    record.said = line;
    return true;
  }
  if (!('taskId' in line) || line.taskId !== record.taskId) return false;
  if (line.type === 'task_started') record.started = line;
  if (line.type === 'model_reply') record.replies.push({ line, results: [] });
  if (line.type === 'tool_result') record.replies.at(-1)?.results.push(line);
  if (line.type === 'task_ended') record.ended = line;
  return true;
}

/** Whether a log has any line of the task. */
export function isKnown({ said, started, ended }: TaskRecord): boolean {
  return said !== undefined || started !== undefined || ended !== undefined;
}

/** How many lines are read at once. */
const PAGE_LINES = 100;

/** The record of a task whose lines come after number `after`, and the number of the last line that was read. */
export async function readRecord(
  session: Session,
  taskId: string,
  after: number,
): Promise<{ record: TaskRecord; lastSeq: number }> {
  const record = newRecord(taskId);
  for (let lastSeq = after; ;) {
    const lines = await session.read({ after: lastSeq }, PAGE_LINES);
    for (const line of lines) addToRecord(record, line);
    lastSeq = lines.at(-1)?.seq ?? lastSeq;
    if (record.ended || lines.length < PAGE_LINES) return { record, lastSeq };
  }
}

/** Follows a task until its record is enough. Rejects with an AppError when the session ends before. */
export function followRecord(
  session: Session,
  taskId: string,
  after: number,
  isEnough: (record: TaskRecord) => boolean,
): Promise<TaskRecord> {
  const record = newRecord(taskId);
  return until<TaskRecord>({
    subscribe: (subscriber, from) => session.subscribe(subscriber, from),
    after,
    find: (line) => (addToRecord(record, line) && isEnough(record) ? record : undefined),
    onEnd: (reason) => {
      throw endError(reason);
    },
  }).found;
}

/** The tokens that a task took. */
export function usageOf({ replies }: TaskRecord): { input: number; output: number; total: number } {
  const sum = { input: 0, output: 0, total: 0 };
  for (const { line } of replies) {
    const { promptTokens, completionTokens, totalTokens } = line.completion.usage;
    sum.input += promptTokens;
    sum.output += completionTokens;
    sum.total += totalTokens;
  }
  return sum;
}

/** The calls of a reply that have no result yet. */
export function openCalls({ line, results }: ReplyRecord): ToolCall[] {
  return line.calls.filter(({ callId }) => !results.some((result) => result.callId === callId));
}
