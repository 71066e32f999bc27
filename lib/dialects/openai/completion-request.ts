import { hasBigint, mapBigints } from '../../common/exact-numbers.ts';
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { invalidField } from './errors.ts';
import { textOf } from './input-parts.ts';
import { deviceFieldIn, devicesOf, isAppModel } from './new-session.ts';
import type { ResponseRequest } from './response-request.ts';

/** A chat completion as a request for a response: its messages are items, and its parameters have their names there. */
export interface CompletionTask {
  body: ResponseRequest;
  /** The message of each item. */
  places: number[];
  /** Parameters that responses do not have, for the model's endpoint. */
  parameters: JsonObject;
}

/** Whether a chat completion is answered with devices: it names some, or an app. Any other one is passed on to the model's endpoint. */
export function namesDevices(body: unknown): boolean {
  if (!isObject(body)) return false;
  const { model } = body;
  if (typeof model === 'string' && isAppModel(model)) return true;
  return deviceFieldIn(body) !== undefined || devicesOf(body).devices !== undefined;
}

/** Fields of a chat completion that say how it is answered, and are no parameters of the model. */
const own = ['messages', 'stream', 'stream_options', 'store', 'n'] as const;
/** Fields that a task cannot honour. */
const unhonoured = [
  ...(['functions', 'function_call', 'logprobs', 'top_logprobs', 'audio', 'prediction', 'rules'] as const),
] as const;
/** Fields that responses have under the same name. */
const same = [
  ...(['model', 'metadata', 'temperature', 'top_p', 'parallel_tool_calls', 'tool_choice', 'user'] as const),
  ...(['safety_identifier', 'prompt_cache_key', 'prompt_cache_retention', 'service_tier'] as const),
  ...(['devices', 'openSpecList'] as const),
] as const;
/** Fields that responses have in another form. */
const turned = [
  ...(['max_tokens', 'max_completion_tokens', 'response_format', 'verbosity', 'reasoning_effort'] as const),
  'tools',
] as const;

/** Reads a chat completion that is answered with devices. Throws `invalid_request` with the place of a fault. */
export function readCompletionTask(request: JsonObject): CompletionTask {
  for (const name of unhonoured)
    if (asksFor(request[name])) throw invalidField(name, 'cannot be honoured where devices answer');
  if ((request['n'] ?? 1) !== 1) throw invalidField('n', 'must be 1 where devices answer');
  const known = new Set<string>([...own, ...unhonoured, ...same, ...turned]);
  const parameters = Object.fromEntries(
    Object.entries(request).filter(([name, value]) => !known.has(name) && value !== null),
  );
  for (const [name, value] of Object.entries(parameters))
    if (hasBigint(value)) throw invalidField(name, 'must be at most 2^53 − 1 where devices answer');
  const { items, places } = itemsOfMessages(request['messages'] as JsonValue[]);
  const kept = Object.fromEntries(
    same.filter((name) => (request[name] ?? null) !== null).map((name) => [name, request[name]]),
  );
  // A completion is no conversation: its session is removed at its end.
  const body = { ...kept, ...turnedFields(request), input: items, store: false, stream: request['stream'] };
  return { body: body as unknown as ResponseRequest, places, parameters };
}

/** Whether the value of a field that a task cannot honour asks for anything: clients spell out defaults. */
function asksFor(value: JsonValue | undefined): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return Boolean(value) && value !== 'none' && value !== 'auto';
}

/** The fields that responses have in another form. */
function turnedFields(request: JsonObject): JsonObject {
  // The newer name counts where a request has both.
  const { max_tokens: older, max_completion_tokens: most = older, tools, reasoning_effort: effort } = request;
  const { response_format: format, verbosity } = request;
  const text = {
    ...(isObject(format) && { format: mapBigints(formatOf(format), Number) }),
    ...(typeof verbosity === 'string' && { verbosity }),
  };
  return {
    ...(typeof most === 'number' && { max_output_tokens: most }),
    ...(typeof effort === 'string' && { reasoning: { effort } }),
    ...(Object.keys(text).length > 0 && { text }),
    // The log of a task holds numbers only. A bound of a schema is as good when it is rounded.
    ...(Array.isArray(tools) && { tools: mapBigints(tools.map(toolOf), Number) }),
  };
}

/** The format of a text, as responses have it: the fields of a JSON Schema are in the format itself. */
function formatOf(format: JsonObject): JsonObject {
  const schema = format['json_schema'];
  return isObject(schema) ? { type: 'json_schema', ...schema } : format;
}

/** A function in the flat form of responses. Throws `invalid_request` for any other tool. */
function toolOf(tool: JsonValue, index: number): JsonObject {
  const { type, function: inside } = isObject(tool) ? tool : {};
  if (type !== 'function' || !isObject(inside) || typeof inside['name'] !== 'string')
    throw invalidField(`tools.${index}`, 'must be a function with a name');
  return { ...inside, type: 'function' };
}

/** The id of a call as a chat completion shows it: the item of the call, by which its task is found, and the id of the call. */
export function shownCallId({ id, call_id: callId }: { id: string; call_id: string }): string {
  return `${id}~${callId}`;
}

/** The item and the call of such an id; an id of another server names no item. */
function callOf(shown: string): { id?: string; call_id: string } {
  const at = shown.startsWith('fc_') ? shown.indexOf('~') : -1;
  return at < 0 ? { call_id: shown } : { id: shown.slice(0, at), call_id: shown.slice(at + 1) };
}

/** The items of all messages, and the message of each: faults are shown at the places that the client knows. */
function itemsOfMessages(messages: JsonValue[]): { items: JsonValue[]; places: number[] } {
  const items: JsonValue[] = [];
  const places: number[] = [];
  for (const [index, message] of messages.entries())
    for (const item of itemsOfMessage(isObject(message) ? message : {}, `messages.${index}`)) {
      items.push(item);
      places.push(index);
    }
  return { items, places };
}

/** The items of a message: its words, and each of its calls. A message of the role `tool` is the output of a call. */
function itemsOfMessage(message: JsonObject, at: string): JsonObject[] {
  const { role, content, tool_calls: calls } = message;
  if (role === 'tool') {
    const { call_id: id } = callOf(textOf(message, 'tool_call_id', at));
    return [{ type: 'function_call_output', call_id: id, output: content ?? '' }];
  }
  if (role === 'function')
    throw invalidField(`${at}.role`, 'must be tool: functions have been tools since 2023');
  // An assistant's message with calls may say nothing.
  const said = content === null || content === '' || content === undefined;
  const parts = Array.isArray(content)
    ? content.map((part, index) => partOf(part, `${at}.content.${index}`))
    : content;
  const own = said && role === 'assistant' ? [] : [{ role, content: parts } as JsonObject];
  const asked = Array.isArray(calls)
    ? calls.map((call, index) => callItem(call, `${at}.tool_calls.${index}`))
    : [];
  return [...own, ...asked];
}

/** A call that the client sends back. Its id has the item of the call, where it was made here (`shownCallId`). */
function callItem(call: JsonValue, at: string): JsonObject {
  const { id, function: inside } = isObject(call) ? call : {};
  if (typeof id !== 'string' || !isObject(inside)) throw invalidField(at, 'must be a call of a function');
  const name = textOf(inside, 'name', `${at}.function`);
  return {
    type: 'function_call',
    ...callOf(id),
    name,
    arguments: textOf(inside, 'arguments', `${at}.function`),
  };
}

/** A part of a message, as responses have it. */
function partOf(part: JsonValue, at: string): JsonValue {
  if (!isObject(part)) throw invalidField(at, 'must be an object');
  const { type, image_url: image, file } = part;
  if (type === 'image_url' && isObject(image))
    return { type: 'input_image', image_url: image['url'], detail: image['detail'] };
  if (type === 'file' && isObject(file)) return { ...file, type: 'input_file' };
  return part;
}
