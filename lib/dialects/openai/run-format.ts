import { appIdOf } from '../../agents/agents.ts';
import type { JsonObject, JsonValue } from '../../common/json.ts';
import type { Session } from '../../core/session.ts';
import { secondsOf } from '../unix-time.ts';
import { outputOfResult } from './client-output.ts';
import { messageOfFailure } from './errors.ts';
import { messageIdOf, runIdOf, stepIdOf, threadIdOf } from './ids.ts';
import { argumentsOf } from './items.ts';
import { formatExactly } from '../../common/exact-numbers.ts';
import { metadataSchema } from './schemas.ts';
import {
  callsForClient,
  isAnswerCut,
  isForClient,
  requestOf,
  usageOf,
  type TaskRecord,
} from './task-record.ts';

/** A time in seconds since the epoch; null where the run has not come so far. */
const seconds = { type: ['integer', 'null'] } as const;

/** A run, in OpenAI's shape: the fields that say what became of it. */
export const runSchema = {
  type: 'object',
  required: [
    'id',
    'object',
    'created_at',
    'thread_id',
    'assistant_id',
    'status',
    'required_action',
    'last_error',
  ],
  properties: {
    id: { type: 'string' },
    object: { const: 'thread.run' },
    created_at: { type: 'integer' },
    thread_id: { type: 'string' },
    /** The id of an app, or `default`. */
    assistant_id: { type: 'string' },
    status: {
      enum: [
        'queued',
        'in_progress',
        'requires_action',
        'cancelled',
        'failed',
        'completed',
        'incomplete',
        'expired',
      ],
    },
    /** The client's calls that the run waits for; null in every other state. */
    required_action: { type: ['object', 'null'] },
    /** Of a run that failed or expired; null for every other one. */
    last_error: { type: ['object', 'null'] },
    started_at: seconds,
    expires_at: seconds,
    cancelled_at: seconds,
    failed_at: seconds,
    completed_at: seconds,
    /** The model that the request names; else the one that answered, or nothing before the first reply. */
    model: { type: 'string' },
    instructions: { type: 'string' },
    tools: { type: 'array', items: { type: 'object' } },
    metadata: metadataSchema,
    /** Null until the run has ended. */
    usage: { type: ['object', 'null'] },
  },
} as const;

/** A step of a run, in OpenAI's shape. */
export const stepSchema = {
  type: 'object',
  required: [
    'id',
    'object',
    'created_at',
    'run_id',
    'assistant_id',
    'thread_id',
    'type',
    'status',
    'step_details',
  ],
  properties: {
    id: { type: 'string' },
    object: { const: 'thread.run.step' },
    created_at: { type: 'integer' },
    run_id: { type: 'string' },
    assistant_id: { type: 'string' },
    thread_id: { type: 'string' },
    /** The answer, or the calls of one reply. */
    type: { enum: ['message_creation', 'tool_calls'] },
    status: { enum: ['in_progress', 'cancelled', 'failed', 'completed', 'expired'] },
    step_details: { type: 'object' },
    /** Of the step's reply; null until the step is done. */
    usage: { type: ['object', 'null'] },
  },
} as const;

/** The assistant that answers when a thread names no app. */
export const DEFAULT_ASSISTANT = 'default';

/** A run, in OpenAI's shape. Fields that the request left out have the values that OpenAI's have then. */
export function formatRun(session: Session, record: TaskRecord) {
  const { said, started, ended, taskId } = record;
  const status = runStatusOf(record);
  const request = requestOf(record)?.shown ?? {};
  const endedAt = ended ? secondsOf(ended.time) : null;
  const reply = record.replies.at(-1)?.line;
  const at = (wanted: string) => (status === wanted ? endedAt : null);
  return {
    id: runIdOf(taskId),
    object: 'thread.run',
    created_at: secondsOf((said ?? started ?? ended)?.time ?? 0),
    thread_id: threadIdOf(session.id),
    assistant_id: assistantOf(session, request),
    status,
    started_at: started ? secondsOf(started.time) : null,
    // The deadline of a task stands still while a question waits, so that no moment is fixed.
    expires_at: null,
    cancelled_at: at('cancelled'),
    failed_at: at('failed') ?? at('expired'),
    completed_at: at('completed'),
    required_action: status === 'requires_action' ? requiredAction(record) : null,
    last_error:
      ended?.status === 'failed' ? { code: errorCode(record), message: messageOfFailure(ended.error) } : null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_completion_tokens' } : null,
    instructions: '',
    max_completion_tokens: null,
    max_prompt_tokens: null,
    metadata: said?.marks?.said?.metadata ?? said?.metadata ?? {},
    parallel_tool_calls: true,
    response_format: 'auto',
    temperature: null,
    tool_choice: 'auto',
    tools: [],
    top_p: null,
    truncation_strategy: { type: 'auto', last_messages: null },
    usage: ended ? formatUsage(usageOf(record)) : null,
    // The fields of the request count over the values above.
    ...request,
    model: typeof request['model'] === 'string' ? request['model'] : (reply?.completion.model ?? ''),
  };
}

/** The state of a run. */
export function runStatusOf(record: TaskRecord) {
  const { started, ended } = record;
  if (!ended) {
    if (callsForClient(record).length > 0) return 'requires_action';
    return started ? 'in_progress' : 'queued';
  }
  if (isAnswerCut(record)) return 'incomplete';
  if (ended.status === 'done') return 'completed';
  if (ended.status === 'stopped') return 'cancelled';
  return ended.error?.code === 'timeout' ? 'expired' : 'failed';
}

/** The steps of a run, in their order: one for the calls of each reply, and one for the answer. */
export function formatSteps(session: Session, record: TaskRecord) {
  return record.replies.map((_reply, index) => formatStep(session, record, index));
}

/** The step of one reply. */
export function formatStep(session: Session, record: TaskRecord, index: number) {
  const { line, results } = record.replies[index]!;
  const hasCalls = line.calls.length > 0;
  const isDone = !hasCalls || results.length === line.calls.length;
  const state = runStatusOf(record);
  const isOver = record.ended !== undefined;
  // A step that was not done has the state in which its run ended.
  const status = isDone ? 'completed' : isOver && state !== 'requires_action' ? state : 'in_progress';
  const endedAt = isDone ? (results.at(-1)?.line ?? line).time : record.ended?.time;
  const at = (wanted: string) => (status === wanted && endedAt !== undefined ? secondsOf(endedAt) : null);
  const { promptTokens: input, completionTokens: output, totalTokens: total } = line.completion.usage;
  return {
    id: stepIdOf(session.id, record.started?.seq ?? 0, index),
    object: 'thread.run.step',
    created_at: secondsOf(line.time),
    run_id: runIdOf(record.taskId),
    assistant_id: assistantOf(session, requestOf(record)?.shown ?? {}),
    thread_id: threadIdOf(session.id),
    type: hasCalls ? 'tool_calls' : 'message_creation',
    status,
    cancelled_at: at('cancelled'),
    completed_at: at('completed'),
    expired_at: at('expired'),
    failed_at: at('failed'),
    last_error: null,
    metadata: {},
    step_details: hasCalls
      ? { type: 'tool_calls', tool_calls: formatCalls(record, index) }
      : { type: 'message_creation', message_creation: { message_id: answerIdOf(session, record) } },
    usage: isDone ? formatUsage({ input, output, total }) : null,
  };
}

/** The id of the message with which a run answers. */
export function answerIdOf({ id }: Session, { said, started }: TaskRecord): string {
  return messageIdOf(id, { seq: (said ?? started)?.seq ?? 0, part: 'answer' });
}

/** The calls of a reply, each with its output once it has one. */
function formatCalls(record: TaskRecord, index: number) {
  const { line, results } = record.replies[index]!;
  return line.calls.map((call) => {
    const result = results.find((one) => one.line.callId === call.callId)?.line.result;
    const format = isForClient(record, call) ? outputOfResult : formatExactly;
    const output = result ? format(result) : null;
    return {
      id: call.callId,
      type: 'function',
      function: { name: call.name, arguments: argumentsOf(call), output },
    };
  });
}

/** The calls for which the run waits, as the client gets them. */
function requiredAction(record: TaskRecord) {
  const calls = callsForClient(record).map((call) => ({
    id: call.callId,
    type: 'function',
    function: { name: call.name, arguments: argumentsOf(call) },
  }));
  return { type: 'submit_tool_outputs', submit_tool_outputs: { tool_calls: calls } };
}

/** The assistant that the request names; else the app of the thread, or the default one. */
function assistantOf({ config }: Session, request: JsonObject): JsonValue {
  const app = config.agent === undefined ? undefined : appIdOf(config.agent);
  return request['assistant_id'] ?? app ?? DEFAULT_ASSISTANT;
}

/** OpenAI's list of codes is closed: everything but a limit is a failure of the server. */
function errorCode({ ended }: TaskRecord): string {
  const { code, refusal } = ended?.error ?? {};
  return code === 'limit_reached' || refusal?.status === 429 ? 'rate_limit_exceeded' : 'server_error';
}

function formatUsage({ input, output, total }: ReturnType<typeof usageOf>) {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: total };
}
