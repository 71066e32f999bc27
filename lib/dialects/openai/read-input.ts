/*
 * The input of a response, the items of a conversation and the messages of a completion are read here. Calls and their results become
 * texts, because they were made in another conversation. Results of the client's own calls are returned by themselves, too: a task may
 * wait for them.
 */
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { Content } from '../../core/message.ts';
import type { NewMessage } from '../../core/session.ts';
import { invalidField, RequestFaults } from './errors.ts';
import { contentOfPart, readPart, textOf, type PartContext, type ReadPart } from './input-parts.ts';
import type { Item } from './items.ts';

/** The result of a client's own call, as the client sends it. */
export interface CallOutput {
  callId: string;
  output: string;
  /** The call is in the input, before its output. */
  hasCall: boolean;
  /** The id of the item of that call, where it has one. */
  itemId: string | undefined;
}

/** The items of a request, sorted. */
export interface ReadInput {
  /** Messages of `system` and `developer`. */
  instructions: string[];
  /** Everything else, in its order. */
  messages: Omit<NewMessage, 'run'>[];
  /** Outputs of the client's calls, in their order. They are in `messages` as texts, too. */
  outputs: CallOutput[];
  /** The last item is an output: nothing else was said after it. */
  endsWithOutput: boolean;
}

/** The parts that reading an input takes. */
export interface InputContext extends PartContext {
  /** The name of the field with the input. */
  field: 'input' | 'items' | 'messages';
  /** The place in the field of each item, where several items stand for one of the client. */
  places?: readonly number[];
  /** The item that an `item_reference` names. Rejects with `not_found`. */
  findItem(id: string): Promise<JsonObject>;
}

/** A message before it is in a conversation. */
type Said = Omit<NewMessage, 'run'>;

/** Reads an input: a text, or items. Throws `invalid_request` with the places of all faults, `not_found` for a file of another user. */
export async function readInput(input: JsonValue, context: InputContext): Promise<ReadInput> {
  const nothing = { instructions: [], outputs: [], endsWithOutput: false };
  if (typeof input === 'string') return { ...nothing, messages: [text('user', input, context.field)] };
  if (!Array.isArray(input)) throw invalidField(context.field, 'must be a text or a list of items');
  const messages: Said[] = [];
  const instructions: string[] = [];
  const outputs: CallOutput[] = [];
  /** The item of the last call with an id: endpoints may give one id to calls of several replies. */
  const callItems = new Map<string, string | undefined>();
  const take = async (given: JsonValue, at: string): Promise<void> => {
    if (!isObject(given)) throw invalidField(at, 'must be an object');
    const isReference = given['type'] === 'item_reference' || isBareReference(given);
    // An item of ours stands for its content, also when it is of another conversation of the caller.
    const item = isReference ? await context.findItem(textOf(given, 'id', at)) : given;
    const { role, type = 'message' } = item;
    if (type === 'message' && (role === 'system' || role === 'developer')) {
      instructions.push(joined((await readMessage(item, 'user', at, context)).content));
      return;
    }
    if (type === 'function_call_output') {
      const callId = textOf(item, 'call_id', at);
      const call = { hasCall: callItems.has(callId), itemId: callItems.get(callId) };
      outputs.push({ callId, output: outputOf(item, at), ...call });
    }
    if (type === 'function_call')
      callItems.set(textOf(item, 'call_id', at), typeof item['id'] === 'string' ? item['id'] : undefined);
    messages.push(...(await saidBy(item, at, context)));
  };
  const faults = new RequestFaults();
  for (const [index, given] of input.entries())
    await take(given, `${context.field}.${context.places?.[index] ?? index}`).catch((error: unknown) =>
      faults.keep(error),
    );
  faults.refuse();
  const last = input.at(-1);
  const endsWithOutput = isObject(last) && last['type'] === 'function_call_output';
  return { messages, instructions, outputs, endsWithOutput };
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
  return [said(item.role, parts as Content[])]; // an item of ours has its files by their ids
}

/** A message of a user or an assistant. Rejects with `invalid_request` and the places of all parts at fault. */
async function readMessage(
  { content }: JsonObject,
  role: 'user' | 'assistant',
  at: string,
  context: InputContext,
): Promise<Said> {
  if (typeof content === 'string') return text(role, content, `${at}.content`);
  if (!Array.isArray(content)) throw invalidField(`${at}.content`, 'must be a text or a list of parts');
  if (content.length === 0 && role === 'user') throw invalidField(`${at}.content`, 'must not be empty');
  const parts: ReadPart[] = [];
  const faults = new RequestFaults();
  for (const [index, part] of content.entries())
    faults.check(() => void parts.push(readPart(part, role, `${at}.content.${index}`)));
  faults.refuse();
  return said(role, await Promise.all(parts.map((part) => contentOfPart(part, context))));
}

function typeOf({ type }: JsonObject): string {
  return typeof type === 'string' ? type : '';
}

/** The output of a call as a text: the texts of its parts, if it is a list. Pictures and files are faults. */
function outputOf({ output }: JsonObject, at: string): string {
  if (typeof output === 'string') return output;
  if (!Array.isArray(output)) throw invalidField(`${at}.output`, 'must be a text or a list of parts');
  return output
    .map((part, index) => textOf(isObject(part) ? part : {}, 'text', `${at}.output.${index}`))
    .join('\n');
}

/** A message of one text. */
function text(role: 'user' | 'assistant', value: string, at: string): Said {
  // An assistant's message may be empty: it had calls only.
  if (value === '' && role === 'user') throw invalidField(at, 'must not be empty');
  return said(role, [{ type: 'text', text: value }]);
}

/** The texts of a message for instructions, which have no other parts. */
function joined(content: readonly Content[]): string {
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('\n');
}

function said(role: 'user' | 'assistant', content: Content[]): Said {
  return { role, content, attachments: [], metadata: {} };
}
