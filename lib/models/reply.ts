import { randomUUID } from 'node:crypto';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { ToolCall, Usage } from '../core/message.ts';
import type { ModelReply } from '../core/model.ts';
import { ModelError } from '../errors.ts';

/** Puts a reply together from a whole chat completion or from its chunks. */
export interface ReplyBuilder {
  /** Takes a `chat.completion` or a `chat.completion.chunk`; returns the text it adds. Throws a ModelError. */
  add(json: JsonValue): string;
  /** True once the reply has a reason for its end. */
  readonly finished: boolean;
  /** The reply. Throws a ModelError when there is none, or when the provider withheld it. */
  build(): ModelReply;
}

interface PartialCall {
  index: number | undefined;
  id: string;
  name: string;
  arguments: string;
}

/** A builder for one reply. `model` is the name in the request, for an endpoint that names none. */
export function createReplyBuilder(model: string): ReplyBuilder {
  const completion = { id: '', model, usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0 } };
  const calls: PartialCall[] = [];
  let text = '';
  let finish: string | undefined;
  let answered = false;

  const addMessage = (message: JsonObject, whole: boolean): string => {
    const added = textOf(message['content']) + textOf(message['refusal']);
    text += added;
    const toolCalls = message['tool_calls'];
    if (Array.isArray(toolCalls))
      toolCalls.forEach((call, position) => addCall(calls, call, whole ? position : undefined));
    // The older form, from before there were tools. A few servers send both.
    else if (isObject(message['function_call'])) addCall(calls, { function: message['function_call'] }, 0);
    return added;
  };

  return {
    get finished() {
      return finish !== undefined;
    },
    add(json) {
      if (!isObject(json)) throw new ModelError('the model endpoint sent JSON that is no chat completion');
      if (json['error']) throw new ModelError(`the model endpoint reports: ${describe(json['error'])}`);
      if (typeof json['id'] === 'string' && json['id'] !== '') completion.id = json['id'];
      if (typeof json['model'] === 'string' && json['model'] !== '') completion.model = json['model'];
      if (isObject(json['usage'])) completion.usage = usageOf(json['usage']);
      const choice = Array.isArray(json['choices']) ? json['choices'][0] : undefined;
      if (!isObject(choice)) return '';
      answered = true;
      if (typeof choice['finish_reason'] === 'string' && choice['finish_reason'] !== '')
        finish = choice['finish_reason'];
      if (isObject(choice['delta'])) return addMessage(choice['delta'], false);
      return isObject(choice['message']) ? addMessage(choice['message'], true) : '';
    },
    build() {
      if (!answered) throw new ModelError('the model endpoint answered without a reply (no choices)');
      if (finish === 'content_filter')
        throw new ModelError("the model's reply was withheld by the provider's content filter");
      if (finish === 'length' && text === '' && calls.length === 0)
        throw new ModelError('the model used up maxTokens before it said anything; raise maxTokens');
      const cut = finish === 'length' && calls.length === 0 ? '\n[cut off at maxTokens]' : '';
      return { text: text + cut, calls: finishCalls(calls), completion };
    },
  };
}

/** Adds a call, or a piece of a call, to the calls so far. */
function addCall(calls: PartialCall[], piece: JsonValue, position?: number): void {
  if (!isObject(piece)) throw new ModelError('the model endpoint sent a malformed tool call');
  const fn = isObject(piece['function']) ? piece['function'] : {};
  const index = position ?? (typeof piece['index'] === 'number' ? piece['index'] : undefined);
  const id = typeof piece['id'] === 'string' ? piece['id'] : '';
  const name = typeof fn['name'] === 'string' ? fn['name'] : '';
  const args = fn['arguments'];

  let call =
    index === undefined
      ? (calls.find((call) => id !== '' && call.id === id) ?? calls.at(-1))
      : calls.findLast((call) => call.index === index);
  if (call === undefined || startsAnother(call, index, id, name)) {
    call = { index, id, name, arguments: '' };
    calls.push(call);
  } else {
    call.id ||= id;
    if (call.name === '') call.name = name;
    else if (name !== call.name && call.arguments === '') call.name += name; // a name in pieces
  }
  if (typeof args === 'string') call.arguments += args;
  else if (args !== undefined && args !== null) call.arguments = JSON.stringify(args);
}

/**
 * Whether a named piece begins another call. The `index` joins pieces, but some endpoints send none, or 0 for every call, or
 * the whole name and a new id with every piece.
 */
function startsAnother(call: PartialCall, index: number | undefined, id: string, name: string): boolean {
  if (id !== '' && call.id !== '' && id === call.id) return false;
  if (name === '' || call.name === '') return false;
  const complete = call.arguments === '' || tryParseJson(call.arguments) !== undefined;
  if (id !== '' && call.id !== '') return complete;
  return index === undefined && (name !== call.name || (complete && call.arguments !== ''));
}

function finishCalls(calls: PartialCall[]): ToolCall[] {
  const ids = new Set<string>();
  const finished: ToolCall[] = [];
  for (const { id, name, arguments: args } of calls) {
    if (name === '' && args === '') continue; // padding that some proxies send
    if (name === '') throw new ModelError('the model endpoint sent a tool call without a name');
    const callId = id !== '' && !ids.has(id) ? id : `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`;
    ids.add(callId);
    finished.push({ callId, name, arguments: parseArguments(args) });
  }
  return finished;
}

/** The JSON value of the arguments. An empty text means none, and a text that is no JSON stays a text. */
function parseArguments(text: string): JsonValue {
  if (text.trim() === '') return {};
  const value = tryParseJson(text);
  if (value === undefined) return text;
  if (value === null) return {};
  const inner = typeof value === 'string' ? tryParseJson(value) : undefined; // encoded twice
  return isObject(inner) ? inner : value;
}

/** A JSON text's value, or undefined. */
export function tryParseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** The text of a content: a string, or the text parts of a list. Other parts, such as a model's thoughts, are left out. */
function textOf(content: JsonValue | undefined): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part) => (isObject(part) && typeof part['text'] === 'string' ? part['text'] : ''))
    .join('');
}

function usageOf(usage: JsonObject): Usage {
  const count = (name: string): number => {
    const value = usage[name];
    return typeof value === 'number' && value >= 0 ? value : 0;
  };
  const promptTokens = count('prompt_tokens');
  const completionTokens = count('completion_tokens');
  return {
    promptTokens,
    completionTokens,
    totalTokens: count('total_tokens') || promptTokens + completionTokens,
  };
}

/** The message in an endpoint's error object. */
function describe(error: JsonValue): string {
  const message = isObject(error) ? error['message'] : error;
  return (typeof message === 'string' ? message : JSON.stringify(message ?? error)).slice(0, 300);
}
