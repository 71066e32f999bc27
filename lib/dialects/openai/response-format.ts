import { isObject, type JsonObject } from '../../common/json.ts';
import type { Failure } from '../../errors.ts';
import { secondsOf } from '../unix-time.ts';
import { messageOfFailure } from './errors.ts';
import { conversationIdOf, responseIdOf, type ResponsePlace } from './ids.ts';
import { partItems, type CallShape } from './items.ts';
import { metadataSchema } from './schemas.ts';
import { isAnswerCut, requestOf, usageOf, type KeptRequest, type TaskRecord } from './task-record.ts';

/** A response, in OpenAI's shape: the fields that every response has. */
export const responseSchema = {
  type: 'object',
  required: [
    ...(['id', 'object', 'created_at', 'status', 'error', 'incomplete_details', 'instructions'] as const),
    ...(['metadata', 'model', 'output', 'parallel_tool_calls', 'temperature', 'tool_choice'] as const),
    ...(['tools', 'top_p'] as const),
  ],
  properties: {
    id: { type: 'string' },
    object: { const: 'response' },
    /** Times are in seconds since the epoch. */
    created_at: { type: 'integer' },
    /** Null unless the response is complete. */
    completed_at: { type: ['integer', 'null'] },
    status: { enum: ['queued', 'in_progress', 'completed', 'failed', 'cancelled', 'incomplete'] },
    /** `error` is for a response that failed, `incomplete_details` for an incomplete one; null for any other. */
    error: { type: ['object', 'null'] },
    incomplete_details: { type: ['object', 'null'] },
    instructions: { type: ['string', 'null'] },
    metadata: metadataSchema,
    model: { type: 'string' },
    /** The items that the model and the tools have made by now; the input is not among them. */
    output: { type: 'array', items: { type: 'object', required: ['id', 'type'] } },
    parallel_tool_calls: { type: 'boolean' },
    previous_response_id: { type: ['string', 'null'] },
    /** The conversation that the request names; null for one that goes on with a response. */
    conversation: { type: ['object', 'null'] },
    temperature: { type: ['number', 'null'] },
    tool_choice: { type: ['string', 'object'] },
    tools: { type: 'array', items: { type: 'object' } },
    top_p: { type: ['number', 'null'] },
    /** Missing until the end: OpenAI's clients have no null here. */
    usage: { type: 'object' },
  },
} as const;

/** The fields of a request that its response shows, under OpenAI's names. */
export const shownFields = [
  ...(['instructions', 'model', 'temperature', 'top_p', 'max_output_tokens', 'text', 'tools'] as const),
  ...(['parallel_tool_calls', 'background', 'store', 'previous_response_id', 'reasoning', 'user'] as const),
  ...(['safety_identifier', 'prompt_cache_key', 'service_tier', 'tool_choice'] as const),
] as const;

/** The fields of a request that hold for a task as a whole, also when it goes on with a later response. */
export const fixedFields = [
  ...(['instructions', 'model', 'temperature', 'top_p', 'max_output_tokens', 'text', 'tools'] as const),
  ...(['parallel_tool_calls', 'reasoning', 'store', 'tool_choice'] as const),
] as const;

/** The values of the fields that a request may leave out, as OpenAI has them. */
export const responseDefaults: JsonObject = {
  background: false,
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  parallel_tool_calls: true,
  previous_response_id: null,
  service_tier: 'default',
  store: true,
  temperature: null,
  text: { format: { type: 'text' } },
  tool_choice: 'auto',
  tools: [],
  top_p: null,
  truncation: 'auto',
};

/** A response, in OpenAI's shape. Fields that the request left out have the values that OpenAI's have then. */
export function formatResponse(place: ResponsePlace, record: TaskRecord, shape: CallShape) {
  const { said, started, ended, pauses } = record;
  const { sessionId, part } = place;
  const request = requestOf(record);
  const state = statusOfPart(record, part);
  // Only a response in the background is known as one that waits.
  const status = state === 'queued' && request?.shown['background'] !== true ? 'in_progress' : state;
  const begin = part === 0 ? (said ?? started ?? ended) : pauses[part - 1];
  const endedAt = (pauses[part] ?? ended)?.time;
  return {
    id: responseIdOf(place),
    object: 'response',
    created_at: secondsOf(begin?.time ?? 0),
    status,
    completed_at: endedAt !== undefined && status === 'completed' ? secondsOf(endedAt) : null,
    conversation: request?.inConversation ? { id: conversationIdOf(sessionId) } : null,
    error: status === 'failed' ? errorOf(ended?.error) : null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    metadata: said?.marks?.said?.metadata ?? said?.metadata ?? {},
    output: partItems(sessionId, record, shape, part),
    // Not null before the end: the types of OpenAI's clients have no such value.
    ...(endedAt !== undefined && { usage: formatUsage(record, part) }),
    // The request's own values come after the defaults, and facts after both.
    ...responseDefaults,
    ...request?.shown,
    reasoning: reasoningOf(request),
    ...(part > 0 && { previous_response_id: responseIdOf({ ...place, part: part - 1 }) }),
    model: modelOf(request, record.replies.at(-1)?.line.completion.model),
  };
}

/** The reasoning that the request asks for, with the fields that it leaves out. */
function reasoningOf(request: KeptRequest | undefined): JsonObject {
  const asked = request?.shown['reasoning'];
  return { effort: null, mode: 'standard', summary: null, ...(isObject(asked) && asked) };
}

/** An app and a model that the request names keep their names; else the endpoint says which model answered. */
function modelOf(request: KeptRequest | undefined, answered: string | undefined): string {
  const asked = request?.shown['model'];
  return typeof asked === 'string' ? asked : (answered ?? '');
}

/** The state of a part of a task, as a response shows it. A part that waits for its client is complete. */
function statusOfPart(record: TaskRecord, part: number) {
  const { started, pauses, ended } = record;
  if (pauses.length > part) return 'completed';
  if (isAnswerCut(record)) return 'incomplete';
  if (!ended) return started ? 'in_progress' : 'queued';
  const ends = { done: 'completed', stopped: 'cancelled', failed: 'failed' } as const;
  return ends[ended.status];
}

/** The error of a failed task. OpenAI's list of codes is closed. */
function errorOf(error: Failure | undefined) {
  const isLimit = error?.code === 'limit_reached' || error?.refusal?.status === 429;
  return {
    code: isLimit ? 'rate_limit_exceeded' : 'server_error',
    message: messageOfFailure(error),
  };
}

function formatUsage(record: TaskRecord, part: number) {
  const { input, output, total } = usageOf(record, part);
  return {
    input_tokens: input,
    // The log has the sums only.
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: total,
  };
}
