import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { Content } from '../../core/message.ts';
import type { Principal } from '../../core/principal.ts';
import type { NewMessage } from '../../core/session.ts';
import type { Files } from '../../files/files.ts';
import { invalidField } from './errors.ts';
import type { Item } from './items.ts';

/** The result of a client's own call, as the client sends it. */
export interface CallOutput {
  callId: string;
  output: string;
}

/** The items of a request, sorted. */
export interface ReadInput {
  /** Messages of `system` and `developer`. */
  instructions: string[];
  /** Everything else, in its order. */
  messages: Omit<NewMessage, 'run'>[];
  /** Outputs of the client's calls, in their order. They are in `messages` as texts, too. */
  outputs: CallOutput[];
  /** The ids of the items of calls, by the ids of the calls. */
  callItems: Map<string, string>;
}

/** What reading an input needs. */
export interface InputContext {
  files: Files;
  caller: Principal;
  /** The item that an `item_reference` names. Rejects with `not_found`. */
  findItem(id: string): Promise<JsonObject>;
}

/** A message before it is in a conversation. */
type Said = Omit<NewMessage, 'run'>;

/** Reads `input`: a text, or items. Throws `invalid_request` with the place of a fault, `not_found` for a file of another user. */
export async function readInput(input: JsonValue, context: InputContext): Promise<ReadInput> {
  if (typeof input === 'string')
    return { messages: [text('user', input, 'input')], instructions: [], outputs: [], callItems: new Map() };
  if (!Array.isArray(input)) throw invalidField('input', 'must be a text or a list of items');
  const messages: Said[] = [];
  const instructions: string[] = [];
  const outputs: CallOutput[] = [];
  const callItems = new Map<string, string>();
  for (const [index, given] of input.entries()) {
    const at = `input.${index}`;
    if (!isObject(given)) throw invalidField(at, 'must be an object');
    const isReference = given['type'] === 'item_reference' || isBareReference(given);
    const item = isReference ? await context.findItem(textOf(given, 'id', at)) : given;
    const { role, type = 'message' } = item;
    if (type === 'message' && (role === 'system' || role === 'developer')) {
      instructions.push(joined((await readMessage(item, 'user', at, context)).content));
      continue;
    }
    if (type === 'function_call_output')
      outputs.push({ callId: textOf(item, 'call_id', at), output: outputOf(item, at) });
    if (type === 'function_call' && typeof item['id'] === 'string')
      callItems.set(textOf(item, 'call_id', at), item['id']);
    messages.push(...(await saidBy(item, at, context)));
  }
  return { messages, instructions, outputs, callItems };
}

/** A reference without a type has an id and nothing else. */
function isBareReference(item: JsonObject): boolean {
  return typeof item['id'] === 'string' && Object.keys(item).every((key) => key === 'id');
}

/** The messages before the last ones of the user, and the content of those. It is empty when the last message is not the user's. */
export function splitInput({ messages }: ReadInput): { history: ReadInput['messages']; content: Content[] } {
  const first = messages.findLastIndex(({ role }) => role !== 'user') + 1;
  return {
    history: messages.slice(0, first),
    content: messages.slice(first).flatMap(({ content }) => content),
  };
}

/** The messages that an item is for the model. Thinking is left out. */
async function saidBy(item: JsonObject, at: string, context: InputContext): Promise<Said[]> {
  const { type = 'message', role } = item;
  if (type !== 'message') return callTexts(item, at);
  if (role === 'user' || role === 'assistant') return [await readMessage(item, role, at, context)];
  throw invalidField(`${at}.role`, 'must be one of user, assistant, system, developer');
}

/** A call and its result, as texts: a call of another conversation cannot be a call of this one. */
function callTexts(item: JsonObject, at: string): Said[] {
  switch (typeOf(item)) {
    case 'function_call':
      return [
        text('assistant', `[call of ${textOf(item, 'name', at)}: ${textOf(item, 'arguments', at)}]`, at),
      ];
    case 'function_call_output':
      return [text('user', `[result of a call: ${outputOf(item, at)}]`, at)];
    case 'mcp_call': {
      const { output, error } = item;
      const call = `[call of ${textOf(item, 'name', at)}: ${textOf(item, 'arguments', at)}]`;
      const result = typeof output === 'string' ? output : JSON.stringify(error ?? null);
      return [text('assistant', call, at), text('user', `[result of the call: ${result}]`, at)];
    }
    case 'reasoning':
      return [];
    default:
      throw invalidField(`${at}.type`, 'is a kind of item that this server does not know');
  }
}

/** The messages that an item of our own is for the model. */
export function messagesOfItem(item: Item): Said[] {
  const { type } = item;
  if (type !== 'message') return callTexts({ ...item }, type);
  const parts = item.content.map((part) => readPart(part as JsonObject, item.role, type));
  return [said(item.role, parts)];
}

async function readMessage(
  { content }: JsonObject,
  role: 'user' | 'assistant',
  at: string,
  { files, caller }: InputContext,
): Promise<Said> {
  if (typeof content === 'string') return text(role, content, `${at}.content`);
  if (!Array.isArray(content)) throw invalidField(`${at}.content`, 'must be a text or a list of parts');
  const parts = content.map((part, index) => readPart(part, role, `${at}.content.${index}`));
  for (const part of parts) if (part.type === 'file') await files.find(part.fileId, caller);
  return said(role, parts);
}

function readPart(part: JsonValue, role: 'user' | 'assistant', at: string): Content {
  if (!isObject(part)) throw invalidField(at, 'must be an object');
  switch (typeOf(part)) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return { type: 'text', text: textOf(part, 'text', at) };
    case 'refusal':
      return { type: 'text', text: textOf(part, 'refusal', at) };
    case 'input_image':
      if (role === 'user') return readImage(part, at);
      break;
    case 'input_file':
      if (role === 'user') return { type: 'file', fileId: textOf(part, 'file_id', at) };
  }
  throw invalidField(`${at}.type`, `is no part that this server takes of the role ${role}`);
}

function readImage({ image_url: url, file_id: fileId, detail }: JsonObject, at: string): Content {
  const how = detailOf(detail, at);
  if (typeof fileId === 'string') return { type: 'file', fileId, ...how };
  if (typeof url === 'string' && /^(https?:\/\/[^/]|data:image\/)/i.test(url))
    return { type: 'image', url, ...how };
  throw invalidField(`${at}.image_url`, 'must be an http, https or data:image URL, or file_id must be set');
}

function detailOf(detail: JsonValue | undefined, at: string): { detail?: 'auto' | 'low' | 'high' } {
  if (detail === undefined || detail === null) return {};
  if (detail === 'original') return { detail: 'high' };
  if (detail === 'auto' || detail === 'low' || detail === 'high') return { detail };
  throw invalidField(`${at}.detail`, 'must be one of auto, low, high, original');
}

function typeOf({ type }: JsonObject): string {
  return typeof type === 'string' ? type : '';
}

function outputOf({ output }: JsonObject, at: string): string {
  if (typeof output === 'string') return output;
  if (!Array.isArray(output)) throw invalidField(`${at}.output`, 'must be a text or a list of parts');
  return output
    .map((part, index) => textOf(isObject(part) ? part : {}, 'text', `${at}.output.${index}`))
    .join('\n');
}

function text(role: 'user' | 'assistant', value: string, at: string): Said {
  if (value === '' && role === 'user') throw invalidField(at, 'must not be empty');
  return said(role, [{ type: 'text', text: value }]);
}

function textOf(item: JsonObject, name: string, at: string): string {
  const value = item[name];
  if (typeof value === 'string') return value;
  throw invalidField(`${at}.${name}`, value === undefined ? 'is missing' : 'must be a text');
}

function joined(content: readonly Content[]): string {
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('\n');
}

function said(role: 'user' | 'assistant', content: Content[]): Said {
  return { role, content, attachments: [], metadata: {} };
}
