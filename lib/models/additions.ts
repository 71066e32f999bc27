import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';

/**
 * The fields that an endpoint added to a reply and may want back, in the shape of `ProviderPart.data`.
 * `message`: fields of the assistant message. `content`: its content, where that is more than the answer (thinking between tags, a
 * list with thinking parts). `calls`: fields of each tool call, in the order of the calls; null for a call without any.
 */
export interface Additions extends JsonObject {
  message?: JsonObject;
  content?: JsonValue;
  calls?: (JsonObject | null)[];
}

/** The fields of OpenAI's assistant message, tool call and function [OpenAI API, the chat completion object]; every other one is an addition. */
const STANDARD = {
  message: new Set([
    'role',
    'content',
    'refusal',
    'tool_calls',
    'function_call',
    'annotations',
    'audio',
    'name',
  ]),
  call: new Set(['index', 'id', 'type', 'function']),
  function: new Set(['name', 'arguments']),
};

/** A longer addition is left out. DeepSeek's longest thinking text, 64 Ki tokens, has about a quarter of it. */
const ADDITIONS_MAX_CHARS = 1024 * 1024;
/** No endpoint nests its fields deeper. A deeper value is taken as it is. */
const DEPTH_MAX = 16;

/** Adds the additions of a message, or of a piece of one, to those so far. Pieces of a stream are merged. */
export function addMessageAdditions(known: JsonObject, message: JsonObject, isPiece: boolean): void {
  addFields(known, message, STANDARD.message, isPiece ? joinsUnlessOpaque : undefined);
}

/** The same for a tool call; fields inside its `function` are kept there. */
export function addCallAdditions(known: JsonObject, call: JsonObject): void {
  addFields(known, call, STANDARD.call, joinsText);
  if (!isObject(call['function'])) return;
  const inside = isObject(known['function']) ? known['function'] : {};
  addFields(inside, call['function'], STANDARD.function, joinsText);
  if (Object.keys(inside).length > 0) known['function'] = inside;
}

/** Adds a content to the parts so far: a text is a text part. Pieces of one part are merged. */
export function addContent(parts: JsonValue[], content: JsonValue | undefined, isPiece: boolean): void {
  const added = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  if (!Array.isArray(added) || content === '') return;
  if (isPiece) addPieces(parts, added, 0);
  else parts.push(...added);
}

/** The additions that are small enough to be kept, the smallest first; undefined when nothing is left. */
export function boundedAdditions({ message = {}, content, calls = [] }: Additions): Additions | undefined {
  const sizeOf = (value: JsonValue | undefined): number => JSON.stringify(value)?.length ?? 0;
  let left = ADDITIONS_MAX_CHARS;
  const fits = (value: JsonValue | undefined): boolean => {
    const size = sizeOf(value);
    if (size > left) return false;
    left -= size;
    return true;
  };
  const bounded: Additions = {};
  if (calls.some((call) => call !== null) && fits(calls)) bounded.calls = calls;
  const fields = Object.entries(message).sort(([, a], [, b]) => sizeOf(a) - sizeOf(b));
  const kept = new Set(fields.filter(([, value]) => fits(value)).map(([name]) => name));
  if (kept.size > 0)
    bounded.message = Object.fromEntries(Object.entries(message).filter(([name]) => kept.has(name)));
  if (content !== undefined && fits(content)) bounded.content = content;
  return Object.keys(bounded).length > 0 ? bounded : undefined;
}

/** Whether two pieces of a text field are joined. Otherwise the later one counts. */
type Joins = (name: string) => boolean;

/** The names of text that comes in pieces, at any depth. */
const joinsText: Joins = (name) =>
  /^(?:reasoning(?:_content|_text)?|thinking|thoughts?|text|summary|content)$/.test(name);

/** A field of the message itself is text in pieces, unless its name says that it is an id, a kind or a signature: those repeat. */
const joinsUnlessOpaque: Joins = (name) =>
  !/(?:^|_)(?:id|type|format|status|model|signature|opaque|data|encrypted\w*|hash|version)$|(?:Id|Signature)$/.test(
    name,
  );

/** Adds the fields that are no standard ones. Without `joins`, a field is taken as it is. */
function addFields(
  known: JsonObject,
  source: JsonObject,
  standard: ReadonlySet<string>,
  joins: Joins | undefined,
): void {
  for (const [name, value] of Object.entries(source)) {
    if (standard.has(name) || value === null || value === undefined || name === '__proto__') continue;
    known[name] = joins ? merged(known[name], value, joins(name), 0) : value;
  }
}

/** A value with a later piece of it. */
function merged(known: JsonValue | undefined, piece: JsonValue, joins: boolean, depth: number): JsonValue {
  if (depth >= DEPTH_MAX) return piece;
  if (typeof known === 'string' && typeof piece === 'string') {
    if (joins) return known + piece;
    return piece === '' ? known : piece;
  }
  if (Array.isArray(piece)) {
    const list = Array.isArray(known) ? known : [];
    addPieces(list, piece, depth + 1);
    return list;
  }
  if (!isObject(piece)) return piece;
  const target: JsonObject = isObject(known) ? known : {};
  for (const [name, value] of Object.entries(piece)) {
    // Gemini's `thought: true` describes the text of one piece. On the whole message it would be wrong.
    if (
      value === null ||
      value === undefined ||
      name === '__proto__' ||
      (name === 'thought' && value === true)
    )
      continue;
    target[name] = merged(target[name], value, joinsText(name), depth + 1);
  }
  return target;
}

/** Adds items to a list. An item that continues an earlier one is merged with it: a signature counts for the whole text only. */
function addPieces(list: JsonValue[], pieces: readonly JsonValue[], depth: number): void {
  for (const piece of pieces) {
    const at = isObject(piece) ? placeOf(list, piece) : -1;
    // A piece is copied by merging, so that the list never shares an object with the endpoint's own.
    if (at >= 0) list[at] = merged(list[at], piece, false, depth);
    else list.push(isObject(piece) ? merged(undefined, piece, false, depth) : piece);
  }
}

/** The place of the item that this piece continues; -1 when it begins a new one. */
function placeOf(list: readonly JsonValue[], piece: JsonObject): number {
  const at =
    typeof piece['index'] === 'number'
      ? list.findLastIndex(
          (item) => isObject(item) && item['index'] === piece['index'] && item['type'] === piece['type'],
        )
      : list.length - 1;
  const item = list[at];
  return isObject(item) && continues(item, piece) ? at : -1;
}

/** OpenRouter's `reasoning_details`, LiteLLM's `thinking_blocks` and the parts of a content come in pieces; encrypted `data` is always whole. */
function continues(item: JsonObject, piece: JsonObject): boolean {
  const hasText = (one: JsonObject): boolean =>
    ['text', 'thinking', 'summary'].some((name) => filled(one[name]));
  const differs = (name: string): boolean =>
    filled(item[name]) && filled(piece[name]) && item[name] !== piece[name];
  if (item['type'] !== piece['type'] || differs('id') || differs('index') || differs('signature'))
    return false;
  if (filled(item['data']) || filled(piece['data']) || item['closed'] === true) return false;
  if (filled(item['signature']) && hasText(piece)) return false;
  return hasText(item) || hasText(piece);
}

function filled(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null && value !== '';
}
