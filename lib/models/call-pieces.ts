import { inexactNumbers } from '../common/exact-numbers.ts';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { ToolCall } from '../core/message.ts';
import { ModelError } from '../errors.ts';
import { addCallAdditions } from './additions.ts';
import { callIdFor } from './call-id.ts';
import { tryParseJson } from './parse-json.ts';

/** A call as far as it has come. */
interface PartialCall {
  index: number | undefined;
  /** Empty where the endpoint has given none yet; so is the name. */
  id: string;
  name: string;
  /** The JSON text of the arguments. */
  arguments: string;
  additions: JsonObject;
  /** The number of the chunk that added to it last. */
  chunk: number;
}

/** One piece of a call as an endpoint sends it, its missing fields empty. */
type Piece = { index: number | undefined; id: string; name: string; arguments: string };

/** Whether a tool of this name was offered; undefined where the offers are unknown. */
export type IsTool = (name: string) => boolean;

/**
 * Puts the tool calls of a reply together. OpenAI sends a call under its own `index`, with id and name in the first piece only.
 * Other endpoints send whole calls all under index 0, no index, no ids, an empty name or the whole name with every piece, a fresh
 * id with every piece, or arguments that are an object already. Two complete calls never become one.
 */
export class CallPieces {
  readonly #calls: PartialCall[] = [];
  readonly #isTool: IsTool | undefined;
  #chunk = 0;

  constructor(isTool?: IsTool) {
    this.#isTool = isTool;
  }

  get count(): number {
    return this.#calls.length;
  }

  /** Adds the `tool_calls` of one message or chunk. In a `whole` message each entry is a call. Throws a ModelError. */
  add(entries: readonly JsonValue[], whole: boolean): void {
    this.#chunk += 1;
    entries.forEach((entry, position) => this.#addEntry(entry, whole ? position : undefined));
  }

  /** The calls, and the additions of each; null for one without any. Throws a ModelError for a call without a name. */
  finish(): { calls: ToolCall[]; additions: (JsonObject | null)[] } {
    const ids = new Set<string>();
    const calls: ToolCall[] = [];
    const additions: (JsonObject | null)[] = [];
    for (const { id, name, arguments: args, additions: added } of this.#calls) {
      if (name === '' && args === '') continue; // padding that some proxies send
      if (name === '') throw new ModelError('the model endpoint sent a tool call without a name');
      calls.push({ callId: callIdFor(id, ids), name, arguments: parseArguments(args) });
      additions.push(Object.keys(added).length > 0 ? added : null);
    }
    return { calls, additions };
  }

  #addEntry(entry: JsonValue, position: number | undefined): void {
    if (!isObject(entry)) throw new ModelError('the model endpoint sent a malformed tool call');
    const piece = readPiece(entry, position);
    let call = this.#find(piece);
    if (call === undefined || this.#startsAnother(call, piece)) {
      call = { ...piece, arguments: '', additions: {}, chunk: 0 };
      this.#calls.push(call);
    } else {
      call.id ||= piece.id;
      if (call.name === '') call.name = piece.name;
      else if (piece.name !== call.name && call.arguments === '') call.name += piece.name; // a name in pieces
    }
    call.chunk = this.#chunk;
    addCallAdditions(call.additions, entry);
    const isRepeated = piece.id !== '' && piece.id === call.id && piece.arguments === call.arguments;
    if (!isRepeated || !isComplete(call.arguments)) call.arguments += piece.arguments;
  }

  /** The call that a piece may belong to: the one under its index or with its id, else the last. */
  #find({ index, id }: Piece): PartialCall | undefined {
    if (index !== undefined) return this.#calls.findLast((call) => call.index === index);
    return this.#calls.find((call) => id !== '' && call.id === id) ?? this.#calls.at(-1);
  }

  /** Whether a piece begins another call, although the index or the place says that it belongs to this one. */
  #startsAnother(call: PartialCall, piece: Piece): boolean {
    const { index, id, name } = piece;
    if (name === '' || call.name === '' || (id !== '' && id === call.id)) return false;
    const otherId = id !== '' && call.id !== '';
    const otherName = name !== call.name;
    // A complete call stands. A piece that repeats its name and adds nothing is the end of it.
    if (isComplete(call.arguments)) return otherId || otherName || piece.arguments !== '';
    // In the middle of the arguments a fresh id alone says nothing: some endpoints make one for every piece.
    if (call.arguments !== '') return otherName && (otherId || index === undefined);
    if (otherId || call.chunk === this.#chunk) return true; // nobody sends two pieces of one name in one chunk
    return otherName && (index === undefined || this.#isWholeName(call.name, name));
  }

  /** Whether a name is the whole name of a tool, so that the next one is no continuation of it. */
  #isWholeName(name: string, next: string): boolean {
    return this.#isTool?.(name) === true && !this.#isTool(name + next);
  }
}

function readPiece(entry: JsonObject, position: number | undefined): Piece {
  const fn = isObject(entry['function']) ? entry['function'] : {};
  const { index, id } = entry;
  const { name, arguments: args } = fn;
  return {
    index: position ?? (typeof index === 'number' ? index : undefined),
    id: typeof id === 'string' ? id : '',
    name: typeof name === 'string' ? name : '',
    arguments:
      typeof args === 'string' ? args : args === undefined || args === null ? '' : JSON.stringify(args),
  };
}

/** Whether a text is a whole JSON value. */
function isComplete(text: string): boolean {
  return text.trim() !== '' && tryParseJson(text) !== undefined;
}

/**
 * The JSON value of the arguments. An empty text means none. A text that is no JSON, or has numbers that reading would change,
 * stays a text: the check of the arguments refuses it, and the history shows every digit.
 */
function parseArguments(text: string): JsonValue {
  if (text.trim() === '') return {};
  if (inexactNumbers(text).length > 0) return text;
  const value = tryParseJson(text);
  if (value === null) return {};
  if (value === undefined) {
    // Some proxies begin with an empty object, and send the arguments after it.
    const rest = text.startsWith('{}') ? tryParseJson(text.slice(2)) : undefined;
    return isObject(rest) ? rest : text;
  }
  return typeof value === 'string' ? parseEncodedTwice(value) : value;
}

/** The arguments in a JSON text that was itself sent as a JSON string. */
function parseEncodedTwice(text: string): JsonValue {
  const value = tryParseJson(text);
  return isObject(value) && inexactNumbers(text).length === 0 ? value : text;
}
