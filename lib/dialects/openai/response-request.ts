import type { XStatic } from 'typebox/schema';
import { isObject, type JsonObject } from '../../common/json.ts';
import type { TaskSettings } from '../../core/session-config.ts';
import { invalidField, RequestFaults } from './errors.ts';
import { checkFunctionTools } from './function-tools.ts';
import { deviceFieldSchemas } from './new-session.ts';
import { metadataSchema } from './schemas.ts';
import { readToolChoice } from './tool-choice.ts';

const shortText = { type: 'string', maxLength: 512 } as const;

/** The body of `POST /v1/responses`. */
export const responseBodySchema = {
  type: 'object',
  examples: [{ input: 'Turn on the light in the kitchen', devices: ['porch'] }],
  properties: {
    input: {
      description: 'a text, or a list of items; without it, the messages of the conversation are answered',
    },
    model: { type: 'string', minLength: 1, maxLength: 200 },
    instructions: { type: 'string' },
    conversation: {
      anyOf: [
        { type: 'string', minLength: 1 },
        { type: 'object', required: ['id'], properties: { id: { type: 'string', minLength: 1 } } },
      ],
      description: 'the id of a conversation',
    },
    /** A response that this one goes on with: its session, or a copy that ends with it. */
    previous_response_id: { type: 'string', minLength: 1, maxLength: 200 },
    /** The request is answered at once, and the client reads the response later. */
    background: { type: 'boolean' },
    /** False: the response and its session are removed at its end. */
    store: { type: 'boolean' },
    stream: { type: 'boolean' },
    /** Obfuscation pads events, so that a listener on the line learns nothing from their lengths. There is none here. */
    stream_options: { type: 'object', properties: { include_obfuscation: { type: 'boolean' } } },
    metadata: metadataSchema,
    max_output_tokens: { type: 'integer', minimum: 1 },
    temperature: { type: 'number', minimum: 0, maximum: 2 },
    top_p: { type: 'number', minimum: 0, maximum: 1 },
    text: {
      type: 'object',
      properties: {
        format: {
          type: 'object',
          required: ['type'],
          properties: {
            type: { enum: ['text', 'json_object', 'json_schema'] },
            name: { type: 'string' },
            description: { type: 'string' },
            schema: { type: 'object' },
            strict: { type: 'boolean' },
          },
        },
        verbosity: { enum: ['low', 'medium', 'high'] },
      },
    },
    reasoning: {
      type: 'object',
      properties: { effort: { type: 'string', maxLength: 20 }, summary: {}, generate_summary: {} },
    },
    parallel_tool_calls: { type: 'boolean' },
    tools: { type: 'array', maxItems: 128, items: { type: 'object', required: ['type'] } },
    /** Read by `readToolChoice`. */
    tool_choice: {},
    /** Logprobs are refused. Any other wish is accepted, and has no effect. */
    include: { type: 'array', items: { type: 'string' } },
    truncation: {
      enum: ['auto', 'disabled'],
      description: 'the oldest turns leave when the context is full, in any case: responses say auto',
    },
    user: shortText,
    safety_identifier: shortText,
    prompt_cache_key: shortText,
    prompt_cache_retention: shortText,
    /** This and `context_management` are accepted, and have no effect. */
    prompt_cache_options: { type: 'object' },
    context_management: { type: 'array', items: { type: 'object' } },
    /** Clients spell the default out. */
    top_logprobs: { const: 0 },
    service_tier: shortText,
    ...deviceFieldSchemas,
  },
  additionalProperties: {},
} as const;

/** A valid body of `POST /v1/responses`. */
export type ResponseRequest = XStatic<typeof responseBodySchema>;

/** Fields that are passed to the model's endpoint under the same name. */
const passed = [
  'parallel_tool_calls',
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'service_tier',
] as const;

/** Throws `invalid_request` with all fields that this server cannot honour. */
export function refuseUnhonoured(body: ResponseRequest): void {
  const faults = new RequestFaults();
  const refuse = (field: string, detail: string) => faults.keep(invalidField(field, detail));
  const { include = [], reasoning, tools = [] } = body;
  for (const name of Object.keys(body))
    if (!Object.hasOwn(responseBodySchema.properties, name))
      refuse(name, 'is a parameter that this server does not have');
  if (include.includes('message.output_text.logprobs'))
    refuse('include', 'asks for logprobs, which this server does not keep');
  faults.check(() => readToolChoice(body.tool_choice));
  if (reasoning?.summary || reasoning?.generate_summary)
    refuse('reasoning.summary', 'asks for a summary, which this server does not make');
  faults.check(() => checkFunctionTools(tools, 'flat'));
  if (body.conversation !== undefined && body.previous_response_id !== undefined)
    refuse('previous_response_id', 'and conversation exclude each other');
  if (body.background === true && body.store === false)
    refuse('background', 'needs store: a response that is not kept cannot be read later');
  if (body.text?.format?.type === 'json_schema' && !(body.text.format.name && body.text.format.schema))
    refuse('text.format.name', 'and text.format.schema are needed for json_schema');
  faults.refuse();
}

/** The parameters of the model that a body asks for; `more` are others, under the endpoint's own names. */
export function modelParameters(body: ResponseRequest, more: JsonObject): NonNullable<TaskSettings['model']> {
  const { model, temperature, top_p: topP, max_output_tokens: maxTokens, text, reasoning } = body;
  const extra: JsonObject = { ...more };
  for (const name of passed) if (body[name] !== undefined) extra[name] = body[name];
  if (text?.format && text.format.type !== 'text') extra['response_format'] = responseFormat(text.format);
  if (text?.verbosity !== undefined) extra['verbosity'] = text.verbosity;
  if (reasoning?.effort !== undefined) extra['reasoning_effort'] = reasoning.effort;
  return {
    ...(model !== undefined && { model }),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

/** The format of a text, as chat completions write it. */
function responseFormat({ type, ...schema }: { type: string; [key: string]: unknown }): JsonObject {
  return type === 'json_schema' ? { type, json_schema: schema as JsonObject } : { type };
}

/** The id in `conversation`, which is a text or an object. */
export function conversationNamed({ conversation }: ResponseRequest): string | undefined {
  return isObject(conversation) ? conversation.id : conversation;
}
