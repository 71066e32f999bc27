import { randomUUID } from 'node:crypto';
import type { XStatic } from 'typebox/schema';
import { agentName } from '../../agents/agents.ts';
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { Principal } from '../../core/principal.ts';
import type { TaskSettings } from '../../core/session-config.ts';
import type { Session } from '../../core/session.ts';
import type { Parts } from '../dialect.ts';
import { checkSpeaking } from '../speaking.ts';
import { invalidField, RequestFaults } from './errors.ts';
import { checkFunctionTools } from './function-tools.ts';
import { readMessage } from './new-message.ts';
import { agentOfModel } from './new-session.ts';
import { DEFAULT_ASSISTANT } from './run-format.ts';
import { metadataSchema, newMessageSchema } from './schemas.ts';
import { readToolChoice } from './tool-choice.ts';
import { clientToolsOf, type KeptRequest } from './task-record.ts';

/** The fields of a run, as a client asks for it. */
export const runFieldSchemas = {
  assistant_id: { type: 'string', minLength: 1, maxLength: 200 },
  model: { type: 'string', minLength: 1, maxLength: 200 },
  instructions: { type: 'string' },
  additional_instructions: { type: 'string' },
  max_completion_tokens: { type: 'integer', minimum: 1 },
  /** Any value has a place here, so that `refuseRunFields` can say what to do instead. */
  max_prompt_tokens: {},
  metadata: metadataSchema,
  parallel_tool_calls: { type: 'boolean' },
  reasoning_effort: { type: 'string', maxLength: 20 },
  response_format: {},
  stream: { type: 'boolean' },
  temperature: { type: 'number', minimum: 0, maximum: 2 },
  tool_choice: {},
  tools: { type: 'array', maxItems: 128, items: { type: 'object', required: ['type'] } },
  top_p: { type: 'number', minimum: 0, maximum: 1 },
  truncation_strategy: { type: 'object', properties: { type: { type: 'string' }, last_messages: {} } },
} as const;

/** The body of `POST /v1/threads/:thread/runs`. */
export const runBodySchema = {
  type: 'object',
  examples: [{ assistant_id: 'default', instructions: 'Answer in one sentence.' }],
  required: ['assistant_id'],
  properties: {
    ...runFieldSchemas,
    /** Messages that are appended to the thread before the run. */
    additional_messages: { type: 'array', maxItems: 100, items: newMessageSchema },
  },
  additionalProperties: {},
} as const;

/** A valid body of a run. */
export type RunRequest = XStatic<typeof runBodySchema>;

/** Throws `invalid_request` with all fields that this server cannot honour; `known` are all fields of the body. */
export function refuseRunFields(body: RunRequest, known: object): void {
  const faults = new RequestFaults();
  const refuse = (field: string, detail: string) => faults.keep(invalidField(field, detail));
  for (const name of Object.keys(body))
    if (!Object.hasOwn(known, name)) refuse(name, 'is a parameter that this server does not have');
  const { max_prompt_tokens: prompt, truncation_strategy: truncation, tools = [] } = body;
  if (prompt !== undefined && prompt !== null)
    refuse('max_prompt_tokens', 'is for the whole server: CONTEXT_TOKENS_MAX_COUNT');
  faults.check(() => readToolChoice(body.tool_choice));
  if (truncation && (truncation.type !== 'auto' || truncation.last_messages))
    refuse('truncation_strategy', 'must be auto: the oldest turns leave when the context is full');
  faults.check(() => checkFunctionTools(tools, 'nested'));
  const { response_format: format } = body;
  if (format !== undefined && format !== 'auto' && !(isObject(format) && typeof format['type'] === 'string'))
    refuse('response_format', 'must be auto, or an object with a type');
  faults.refuse();
}

/** Begins a run in a thread; resolves with the id of its task and a line before its lines. */
export async function beginRun(
  { agents, files }: Pick<Parts, 'agents' | 'files'>,
  session: Session,
  body: RunRequest,
  caller: Principal,
): Promise<{ taskId: string; after: number; begin(): Promise<unknown> }> {
  const settings = await settingsOf(agents, body, caller);
  const { agent } = settings;
  checkSpeaking(caller, agent === undefined ? session.config : { ...session.config, agent });
  const messages = body.additional_messages ?? [];
  const said = await Promise.all(messages.map((message) => readMessage(files.files, message, caller)));
  // They are in the thread from here on, also when the run cannot begin.
  const history: number[] = [];
  for (const message of said) history.push((await session.add({ ...message, run: false })).seq);
  // The lines of the run come after those of its own messages.
  const [last] = await session.read({ before: Number.MAX_SAFE_INTEGER }, 1);
  const taskId = randomUUID();
  const request: KeptRequest = { shown: shownOf(body), history, inConversation: false };
  return {
    taskId,
    after: last?.seq ?? 0,
    begin: () =>
      session.submit({
        taskId,
        fresh: true,
        form: 'list',
        content: [], // a run answers the messages that the thread has
        stream: body.stream === true,
        said: { attachments: [], metadata: body.metadata ?? {}, request },
        settings,
      }),
  };
}

/** The wishes of a run. `instructions` take the place of the system prompt, and `additional_instructions` follow it. */
async function settingsOf(
  agents: Parts['agents'],
  body: RunRequest,
  caller: Principal,
): Promise<TaskSettings> {
  const { assistant_id: assistant, model, temperature, top_p: topP, max_completion_tokens: maxTokens } = body;
  const extra: JsonObject = {};
  if (body.parallel_tool_calls !== undefined) extra['parallel_tool_calls'] = body.parallel_tool_calls;
  if (body.reasoning_effort !== undefined) extra['reasoning_effort'] = body.reasoning_effort;
  if (isObject(body.response_format)) extra['response_format'] = body.response_format;
  const named = model === undefined ? undefined : await agentOfModel(agents, model, caller);
  const agent = named ?? (await agentOfAssistant(agents, assistant, caller));
  const parameters = {
    ...(model !== undefined && named === undefined && { model }),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
  const clientTools = clientToolsOf(body.tools as JsonValue | undefined);
  const toolChoice = readToolChoice(body.tool_choice);
  return {
    ...(agent !== undefined && { agent }),
    ...(Object.keys(parameters).length > 0 && { model: parameters }),
    ...(body.instructions !== undefined && { systemPrompt: body.instructions }),
    ...(body.additional_instructions !== undefined && { instructions: body.additional_instructions }),
    ...(clientTools.length > 0 && { clientTools }),
    ...(toolChoice && { toolChoice }),
  };
}

/** The agent of an assistant: an app, or none for the default one. Rejects with `not_found` and `forbidden`. */
async function agentOfAssistant(
  { apps }: Parts['agents'],
  assistant: string,
  caller: Principal,
): Promise<string | undefined> {
  if (assistant === DEFAULT_ASSISTANT) return undefined;
  const { id, published } = await apps.find(assistant, caller);
  return agentName(published ? 'published' : 'app', id);
}

/** The fields of a request that its run shows again. */
function shownOf(body: RunRequest): JsonObject {
  const { additional_messages: _messages, metadata: _metadata, stream: _stream, ...shown } = body;
  const { additional_instructions: more, instructions, ...rest } = shown;
  const words = [instructions, more].filter(Boolean).join('\n\n');
  // OpenAI's run has no such field.
  const { reasoning_effort: _effort, ...kept } = rest;
  return { ...(kept as JsonObject), ...(words !== '' && { instructions: words }) };
}
