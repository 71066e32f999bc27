import { randomUUID } from 'node:crypto';
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { Metadata } from '../../core/message.ts';
import { metadataSchema } from './schemas.ts';

/** OpenAI's chat.completion, its required fields only: the endpoint's other fields pass unchanged. */
export const completionSchema = {
  type: 'object',
  required: ['id', 'object', 'created', 'model', 'choices'],
  properties: {
    id: { type: 'string' },
    object: { const: 'chat.completion' },
    created: { type: 'integer' },
    model: { type: 'string' },
    choices: {
      type: 'array',
      items: { type: 'object', required: ['finish_reason', 'index', 'message', 'logprobs'] },
    },
    usage: { type: 'object' },
    metadata: metadataSchema,
  },
} as const;

/** The fields that all parts of one answer share. They fill in for an endpoint that leaves them out. */
export interface CompletionHead {
  id: string;
  /** In seconds since the epoch. */
  created: number;
  /** That of the request; empty where it names none and the endpoint says none. */
  model: string;
  metadata: Metadata | undefined;
  /** Whether chunks say what was used: `stream_options.include_usage`. The chunks before the last one have null then. */
  showsUsage: boolean;
}

/** OpenAI's list is closed. Another reason of an endpoint is `stop` in a whole answer, and null in a chunk. */
const finishReasons = new Set<unknown>(['stop', 'length', 'tool_calls', 'content_filter', 'function_call']);

/** The shared fields of the answer to a request, before the endpoint has answered. */
export function newHead(
  { model, stream_options: options }: JsonObject,
  metadata: Metadata | undefined,
): CompletionHead {
  return {
    id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model: typeof model === 'string' ? model : '',
    metadata,
    showsUsage: isObject(options) && options['include_usage'] === true,
  };
}

/** An endpoint's `chat.completion` with all fields of OpenAI's. Many endpoints leave some out. */
export function wholeAnswer(answer: JsonObject, head: CompletionHead): JsonObject {
  const choices = objectsIn(answer['choices']).map((choice, index) => {
    const message = isObject(choice['message']) ? choice['message'] : {};
    return {
      ...choice,
      index: typeof choice['index'] === 'number' ? choice['index'] : index,
      message: {
        ...known(message),
        role: 'assistant',
        content: orNull(message['content']),
        refusal: orNull(message['refusal']),
      },
      finish_reason: finishReasons.has(choice['finish_reason']) ? choice['finish_reason'] : 'stop',
      logprobs: choice['logprobs'] ?? null,
    };
  });
  return { ...known(answer), ...headOf(answer, head), object: 'chat.completion', choices };
}

/** The same for a `chat.completion.chunk`; all chunks of an answer have one id. */
export function chunkAnswer(answer: JsonObject, head: CompletionHead): JsonObject {
  const choices = objectsIn(answer['choices']).map((choice, index) => ({
    ...known(choice),
    index: typeof choice['index'] === 'number' ? choice['index'] : index,
    delta: isObject(choice['delta']) ? choice['delta'] : {},
    finish_reason: finishReasons.has(choice['finish_reason']) ? choice['finish_reason'] : null,
    logprobs: choice['logprobs'] ?? null,
  }));
  const usage = head.showsUsage ? { usage: answer['usage'] ?? null } : {};
  return { ...known(answer), ...headOf(answer, head), ...usage, object: 'chat.completion.chunk', choices };
}

/** The shared fields: the endpoint's own, where it sends them. */
function headOf(answer: JsonObject, { id, created, model, metadata }: CompletionHead): JsonObject {
  const isFilled = (value: JsonValue | undefined): value is string =>
    typeof value === 'string' && value !== '';
  return {
    id: isFilled(answer['id']) ? answer['id'] : id,
    created: typeof answer['created'] === 'number' ? Math.floor(answer['created']) : created,
    model: isFilled(answer['model']) ? answer['model'] : model,
    ...(metadata && { metadata }),
  };
}

function orNull(value: JsonValue | undefined): JsonValue {
  return typeof value === 'string' ? value : null;
}

/** The value without the fields that are null: OpenAI leaves those out. */
function known(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
}

/** The objects in a list. Anything else that an endpoint sends is left out. */
function objectsIn(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
