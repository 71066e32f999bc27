import { formatExactly, inexactNumbers, parseExactly } from '../common/exact-numbers.ts';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { Content, ToolCall } from '../core/message.ts';
import type { ModelMessage, ModelRequest, ToolOffer } from '../core/model.ts';
import type { Additions } from './additions.ts';

/** The texts of messages. A message never changes, and each later round sends it again. */
const encodedMessages = new WeakMap<ModelMessage, string>();
/** Messages together with the additions of the endpoint that they came from: a message has one origin. */
const encodedWithAdditions = new WeakMap<ModelMessage, string>();
const encodedTools = new WeakMap<readonly ToolOffer[], string>();

/** The endpoint that a request goes to. */
interface EncodeTarget {
  /** The additions of an endpoint to its own earlier replies are sent back to it, and never to another endpoint. */
  origin?: string;
  /** The names of additions that it refuses to get back. */
  refused?: ReadonlySet<string>;
}

/**
 * A chat completion request as JSON text [OpenAI API, POST /chat/completions]. `head` holds the fields except messages and
 * tools. Each message object and each tools array is encoded once, so a round of a long conversation costs one concatenation.
 * System messages come first, because some endpoints ask for that.
 */
export function encodeRequest(
  request: ModelRequest,
  head: Record<string, JsonValue | undefined>,
  target: EncodeTarget = {},
): string {
  let system = '';
  let others = '';
  for (const message of request.messages) {
    const text = textOf(message, target);
    if (text === '') continue;
    if (message.role === 'system') system += system === '' ? text : `,${text}`;
    else others += others === '' ? text : `,${text}`;
  }
  const messages = system === '' || others === '' ? system + others : `${system},${others}`;
  const tools =
    request.tools.length === 0 ? '' : `,"tools":${once(encodedTools, request.tools, encodeTools)}`;
  // The head has at least the model, so that a comma may follow it.
  return `${formatExactly(head).slice(0, -1)},"messages":[${messages}]${tools}}`;
}

function textOf(message: ModelMessage, { origin, refused }: EncodeTarget): string {
  const additions = additionsFor(message, origin);
  if (additions === undefined) return once(encodedMessages, message, (one) => encodeMessage(one));
  // Not kept: the endpoint may refuse more names later.
  if (refused && refused.size > 0) return encodeMessage(message, additions, refused);
  return once(encodedWithAdditions, message, (one) => encodeMessage(one, additions));
}

/** The additions of the endpoint of this origin to a message; undefined for a message of another endpoint, or without additions. */
function additionsFor(message: ModelMessage, origin: string | undefined): Additions | undefined {
  if (message.role !== 'assistant' || message.provider === undefined) return undefined;
  return message.provider.origin === origin ? message.provider.data : undefined;
}

/** The names of the additions that a request sends back to the endpoint of this origin. */
export function additionNames(request: ModelRequest, origin: string): Set<string> {
  const names = new Set<string>();
  for (const message of request.messages) {
    const { message: fields = {}, calls = [] } = additionsFor(message, origin) ?? {};
    for (const part of [fields, ...calls]) for (const name of Object.keys(part ?? {})) names.add(name);
  }
  names.delete('function'); // a field of every call; additions inside it go with it
  return names;
}

function once<K extends object>(cache: WeakMap<K, string>, key: K, encode: (key: K) => string): string {
  let text = cache.get(key);
  if (text === undefined) {
    text = encode(key);
    cache.set(key, text);
  }
  return text;
}

function encodeTools(tools: readonly ToolOffer[]): string {
  return JSON.stringify(
    tools.map(({ name, description, parameters }) => ({
      type: 'function',
      function: { name, description, parameters },
    })),
  );
}

/** A message as JSON text; empty for a message without content, which endpoints refuse. */
function encodeMessage(message: ModelMessage, additions?: Additions, refused?: ReadonlySet<string>): string {
  const wire = wireMessage(message, additions, refused);
  return wire === undefined ? '' : JSON.stringify(wire);
}

/** A message in the shape of OpenAI [OpenAI API, POST /chat/completions]; undefined for one without content. */
function wireMessage(
  message: ModelMessage,
  additions: Additions = {},
  refused?: ReadonlySet<string>,
): JsonObject | undefined {
  const { role } = message;
  if (role === 'user') return { role, content: userContent(message.content) };
  if (role === 'tool') return { role, tool_call_id: message.callId, content: JSON.stringify(message.result) };
  if (role === 'system') return message.text === '' ? undefined : { role, content: message.text };
  const { text, calls } = message;
  if (text === '' && calls.length === 0) return undefined;
  const added = without(additions.message, refused);
  const content = additions.content ?? (text === '' ? null : text);
  if (calls.length === 0) return { ...added, role, content };
  const tool_calls = calls.map((call, at) => assistantCall(call, without(additions.calls?.[at], refused)));
  return { ...added, role, content, tool_calls };
}

/** The additions that the endpoint takes back. */
function without(added: JsonObject | null | undefined, refused: ReadonlySet<string> | undefined): JsonObject {
  if (!refused || !added) return added ?? {};
  return Object.fromEntries(Object.entries(added).filter(([name]) => !refused.has(name)));
}

/** A text alone goes as a text: not every endpoint takes a list of parts. Blank texts are left out. */
function userContent(content: Content[]): JsonValue {
  const parts = content.filter((part) => part.type !== 'text' || part.text.trim() !== '');
  const [first] = parts;
  if (first === undefined) return '(empty message)';
  if (parts.length === 1 && first.type === 'text') return first.text;
  return parts.map(wirePart);
}

function wirePart(part: Content): JsonValue {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image':
      return { type: 'image_url', image_url: { url: part.url, ...(part.detail && { detail: part.detail }) } };
    case 'audio':
      return { type: 'input_audio', input_audio: { data: part.data, format: part.format } };
    case 'file': // its content was not loaded
      return { type: 'text', text: `[file ${part.fileId}]` };
  }
}

/** A past call in a form that every endpoint accepts, even if the model's own form was wrong. `added`: what its endpoint wants back. */
function assistantCall(call: ToolCall, added: JsonObject): JsonValue {
  const name = call.name.replaceAll(/[^a-zA-Z0-9_-]/g, '_').slice(0, 64) || '_';
  const inside = isObject(added['function']) ? added['function'] : {};
  const fn = { ...inside, name, arguments: argumentsText(call) };
  return { ...added, id: call.callId, type: 'function', function: fn };
}

/** The arguments as the text of a JSON object. One that the log keeps as a text, for each digit of its numbers, is sent as it is. */
function argumentsText({ arguments: args }: ToolCall): string {
  if (typeof args === 'string' && inexactNumbers(args).length > 0 && isObject(parseExactly(args)))
    return args;
  return JSON.stringify(isObject(args) ? args : { not_an_object: args });
}
