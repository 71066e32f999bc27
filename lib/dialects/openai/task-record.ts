/*
 * A task that calls functions of its client has parts. A part ends with a pause, at which only the client's results are awaited, and the
 * next part begins with the line after it. A response is one part of its task, and a run is all of them.
 */
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { endError } from '../../core/ask.ts';
import type { Message, MessageAdded, ToolCall } from '../../core/message.ts';
import type { ClientTool } from '../../core/session-config.ts';
import type { Session } from '../../core/session.ts';
import { until, type Until } from '../../core/until.ts';
import { openLogWindow } from './log-window.ts';

type Line<Type extends Message['type']> = Extract<Message, { type: Type }>;

/** A reply of the model in a task, with the results of its calls in the order in which they came. */
export interface ReplyRecord {
  line: Line<'model_reply'>;
  results: { line: Line<'tool_result'>; part: number }[];
  /** How often the task had waited for its client before. */
  part: number;
}

/** A moment at which a task can only go on with results of its client's own functions. */
export interface Pause {
  /** The time of the line, in ms since the epoch. */
  time: number;
}

/** The lines of one task, sorted. Responses, runs and the items of a conversation are views of it. */
export interface TaskRecord {
  taskId: string;
  /** Whether the calls of a reply are made one after the other. */
  isSerial: boolean;
  /** The user message, where it is a line of its own. */
  said: (Message & MessageAdded) | undefined;
  started: Line<'task_started'> | undefined;
  replies: ReplyRecord[];
  /** The questions of the calls that were passed to the client and have no result, by the ids of the calls. */
  asked: Map<string, string>;
  pauses: Pause[];
  ended: Line<'task_ended'> | undefined;
  /** The text so far of the reply that is being spoken, where the record was read and is not followed. */
  spoken: string;
}

/** The request with which a task began, as it is kept in the log beside the user message. */
export interface KeptRequest extends JsonObject {
  /** Fields of the response or run, under OpenAI's names. */
  shown: JsonObject;
  /** The numbers of the lines of earlier messages in the input. */
  history: number[];
  /** The request named a conversation. */
  inConversation: boolean;
}

/** A record without lines. */
export function newRecord(session: Pick<Session, 'config'>, taskId: string): TaskRecord {
  return {
    taskId,
    isSerial: session.config.toolStrategy === 'serial',
    said: undefined,
    started: undefined,
    replies: [],
    asked: new Map(),
    pauses: [],
    ended: undefined,
    spoken: '',
  };
}

/** Adds a line to a record. False: the line is of no task, or of another one. */
export function addToRecord(record: TaskRecord, line: Message): boolean {
  if (line.type === 'message_added') {
    if (line.id !== record.taskId || !line.run) return false;
    record.said = line;
    return true;
  }
  if (!('taskId' in line) || line.taskId !== record.taskId) return false;
  const part = record.pauses.length;
  if (line.type === 'task_started') record.started = line;
  if (line.type === 'model_reply') record.replies.push({ line, results: [], part });
  if (line.type === 'tool_result') addResult(record, line, part);
  if (line.type === 'question_asked' && line.question.kind === 'result') {
    record.asked.set(line.callId, line.question.id);
    pauseAt(record, line);
  }
  if (line.type === 'task_ended') record.ended = line;
  return true;
}

/** Adds the result of a call. It may be the last one that was awaited beside the client's. */
function addResult(record: TaskRecord, line: Line<'tool_result'>, part: number): void {
  record.replies.at(-1)?.results.push({ line, part });
  // The result of a client ends a pause, and begins none: a client gives all results at once.
  if (!record.asked.delete(line.callId)) pauseAt(record, line);
}

/** Notes a pause when nothing but the client's results is awaited. */
function pauseAt(record: TaskRecord, { time }: Message): void {
  const reply = record.replies.at(-1);
  if (!reply || record.asked.size === 0) return;
  // In a serial session the calls behind the client's wait for it. In any other one they go on.
  if (record.isSerial || openCalls(reply).every(({ callId }) => record.asked.has(callId)))
    record.pauses.push({ time });
}

/** Whether the log has any line of the task. */
export function isKnown({ said, started, ended }: TaskRecord): boolean {
  return said !== undefined || started !== undefined || ended !== undefined;
}

/** Whether the answer of a task ends where the limit of tokens cut it. */
export function isAnswerCut({ replies, ended }: TaskRecord): boolean {
  return ended?.status === 'done' && replies.at(-1)?.line.completion.isCut === true;
}

/** The calls that the client has to answer before the task can go on; none while it works. */
export function callsForClient(record: TaskRecord): ToolCall[] {
  const reply = record.replies.at(-1);
  if (!reply || record.ended || record.pauses.length === 0) return [];
  return openCalls(reply).filter(({ callId }) => record.asked.has(callId));
}

/** The request with which the task began; undefined for a task of another dialect. */
export function requestOf({ said }: TaskRecord): KeptRequest | undefined {
  return said?.request as KeptRequest | undefined;
}

/** The client's own functions in the tools of a request: those of responses, or of runs and completions. */
export function clientToolsOf(tools: JsonValue | undefined): ClientTool[] {
  if (!Array.isArray(tools)) return [];
  return tools.filter(isObject).flatMap((tool) => {
    const { name, description, parameters } = isObject(tool['function']) ? tool['function'] : tool;
    if (tool['type'] !== 'function' || typeof name !== 'string') return [];
    return {
      name,
      description: typeof description === 'string' ? description : '',
      parameters: isObject(parameters) ? parameters : { type: 'object', properties: {} },
    };
  });
}

/** Whether a call is to a function of the client. */
export function isForClient(record: TaskRecord, { name }: ToolCall): boolean {
  return clientToolsOf(requestOf(record)?.shown['tools']).some((tool) => tool.name === name);
}

/** How many lines are read at once. */
const PAGE_LINES = 100;
/** How many lines are read at once in the search for a line that is near. */
const NEAR_LINES = 4;

/** The record of a task whose lines come after number `after`. */
export async function readRecord(session: Session, taskId: string, after: number): Promise<TaskRecord> {
  const record = newRecord(session, taskId);
  for (let lastSeq = after; ;) {
    const lines = await session.read({ after: lastSeq }, PAGE_LINES);
    for (const line of lines) addToRecord(record, line);
    lastSeq = lines.at(-1)?.seq ?? lastSeq;
    // A task that has no end yet is read to the end of the log.
    if (!record.ended && lines.length === PAGE_LINES) continue;
    record.spoken = record.ended ? '' : session.spokenText(taskId);
    return record;
  }
}

/** The record of a task that begins on a line, with the user message that is a line before it. */
export async function readBegunRecord(session: Session, line: Line<'task_started'>): Promise<TaskRecord> {
  const record = await readRecord(session, line.taskId, line.seq - 1);
  if (!line.added) return record;
  // It is the line right before, unless the task had to wait.
  for await (const before of openLogWindow(session, line.seq, NEAR_LINES).back())
    if (addToRecord(record, before)) break;
  return record;
}

/** Follows a task until its record is enough. `found` rejects with an AppError when the session ends before. */
export function followRecord(
  session: Session,
  taskId: string,
  after: number,
  isEnough: (record: TaskRecord) => boolean,
): Until<TaskRecord> {
  const record = newRecord(session, taskId);
  return until<TaskRecord>({
    subscribe: (subscriber, from) => session.subscribe(subscriber, from),
    after,
    find: (line) => (addToRecord(record, line) && isEnough(record) ? record : undefined),
    onEnd: (reason) => {
      throw endError(reason);
    },
  });
}

/** The tokens that a task took, or a part of it. */
export function usageOf(
  { replies }: TaskRecord,
  part?: number,
): { input: number; output: number; total: number } {
  const sum = { input: 0, output: 0, total: 0 };
  for (const reply of replies) {
    if (part !== undefined && reply.part !== part) continue;
    const { promptTokens, completionTokens, totalTokens } = reply.line.completion.usage;
    sum.input += promptTokens;
    sum.output += completionTokens;
    sum.total += totalTokens;
  }
  return sum;
}

/** The calls of a reply that have no result yet. */
function openCalls({ line, results }: ReplyRecord): ToolCall[] {
  return line.calls.filter(({ callId }) => !results.some((result) => result.line.callId === callId));
}
