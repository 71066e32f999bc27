import {
  broken,
  character,
  JsonLimitError,
  JsonScanner,
  nestedTooDeeply,
  SLICE_LENGTH,
} from './json-scanner.ts';
import { createPauses } from './pauses.ts';
import { LongText, type LongTextValue } from './long-text.ts';

/** Each object that strangers send has at most so many members: the keys of one with a million hold the event loop for half a second. */
const MEMBERS_MAX_COUNT = 200_000;

/** So many containers longer than a slice may be inside of each other: each level reads a slice to find that it is long. */
const LARGE_DEPTH_MAX = 64;

/** How a large text is parsed. */
export interface SliceOptions {
  /** A deeper value is a RangeError. Without it only the depth of large values is limited. */
  depthMax?: number;
  /** An object with over 200,000 members is a JsonLimitError. */
  limitsMembers?: boolean;
  /** Leaves out the keys `__proto__`, instead of keeping them as own keys as `JSON.parse` does. */
  dropsProto?: boolean;
  /**
   * The keys whose long texts and objects stay texts, each as a LongTextValue: an object is its JSON text, which is not looked into.
   */
  inPieces?: readonly string[];
  /** Is called with the number of lists and objects before they are made. It may throw. */
  onContainers?: ((count: number) => void) | undefined;
}

/**
 * Parses JSON as `JSON.parse` does, a slice at a time, and lets other work run in between. Throws a SyntaxError without a place, a
 * RangeError for a value that is too deep, or a JsonLimitError.
 */
export async function parseJsonInSlices(
  text: string | LongText,
  options: SliceOptions = {},
): Promise<unknown> {
  const reader = new SliceReader(typeof text === 'string' ? LongText.of([text]) : text, options);
  return reader.read();
}

/** Finds every text of a key `__proto__`, as it is or with escapes, and few others. */
export const MAY_HAVE_PROTO = /__proto__|\\u00[5-7]/i;

/** Parses a JSON text, and leaves out the keys `__proto__`. Throws as `JSON.parse` does. */
export function parseWithoutProto(text: string): unknown {
  // A reviver costs several times the parsing, so it is used only where such a key may hide.
  return MAY_HAVE_PROTO.test(text)
    ? JSON.parse(text, (key, value: unknown) => (key === '__proto__' ? undefined : value))
    : JSON.parse(text);
}

type Container = unknown[] | Record<string, unknown>;

/** Members are collected up to the length of a slice and parsed together; a larger member is a container that is opened. */
class SliceReader {
  readonly #text: LongText;
  readonly #scanner: JsonScanner;
  readonly #depthMax: number;
  readonly #limitsMembers: boolean;
  readonly #dropsProto: boolean;
  readonly #inPieces: readonly string[];
  readonly #pause = createPauses();
  #at = 0;

  constructor(
    text: LongText,
    {
      depthMax = Infinity,
      limitsMembers = false,
      dropsProto = false,
      inPieces = [],
      onContainers,
    }: SliceOptions,
  ) {
    this.#text = text;
    this.#depthMax = depthMax;
    this.#inPieces = inPieces;
    this.#scanner = new JsonScanner(text, { depthMax, onContainers });
    this.#limitsMembers = limitsMembers;
    this.#dropsProto = dropsProto;
  }

  async read(): Promise<unknown> {
    await this.#pause();
    const value = await this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) throw broken();
    return value;
  }

  /** Reads the value at the present place. */
  async #value(depth: number): Promise<unknown> {
    this.#skipSpace();
    const from = this.#at;
    const end = this.#scanner.endOfValue(from, depth);
    if (end !== undefined) {
      this.#at = end;
      return this.#parse(this.#text.slice(from, end));
    }
    const first = this.#text.charCodeAt(from);
    if (first === character.quote) return this.#longText(from);
    if (depth >= Math.min(this.#depthMax, LARGE_DEPTH_MAX)) throw nestedTooDeeply();
    const isList = first === character.openList;
    const container: Container = isList ? [] : {};
    this.#at = from + 1;
    await this.#members(container, isList, depth + 1);
    return container;
  }

  /** Reads the members of a large container, and its end. */
  async #members(container: Container, isList: boolean, depth: number): Promise<void> {
    let batchFrom = this.#at;
    const flush = (end: number): void => {
      if (end > batchFrom) this.#add(container, isList, this.#text.slice(batchFrom, end));
    };
    for (let count = 0; ; count += 1) {
      if (this.#limitsMembers && !isList && count >= MEMBERS_MAX_COUNT)
        throw new JsonLimitError(`An object has more than ${MEMBERS_MAX_COUNT} members.`);
      this.#skipSpace();
      const from = this.#at;
      const valueFrom = isList ? from : this.#afterKey(from);
      const end = this.#scanner.endOfValue(valueFrom, depth);
      if (end === undefined || end - batchFrom > SLICE_LENGTH) {
        flush(this.#lastComma(from, batchFrom));
        batchFrom = from;
        await this.#pause();
      }
      if (end === undefined) {
        this.#at = valueFrom;
        if (Array.isArray(container)) container.push(await this.#value(depth));
        else {
          const key = this.#parse(this.#text.slice(from, this.#scanner.endOfKey(from))) as string;
          const isInPieces =
            this.#inPieces.includes(key) && this.#text.charCodeAt(valueFrom) !== character.openList;
          this.#set(container, key, await (isInPieces ? this.#valueInPieces(depth) : this.#value(depth)));
        }
        batchFrom = this.#at;
      } else this.#at = end;
      this.#skipSpace();
      const next = this.#text.charCodeAt(this.#at);
      if (next === character.comma) {
        this.#at += 1;
        if (batchFrom === this.#at - 1) batchFrom = this.#at;
        continue;
      }
      if (next !== (isList ? character.closeList : character.closeObject)) throw broken();
      flush(this.#at);
      this.#at += 1;
      return;
    }
  }

  /** Parses a text that is longer than a slice. */
  async #longText(from: number): Promise<string> {
    let value = '';
    await this.#partsOfText(from, (part) => (value += part));
    return value;
  }

  /** Parses a text a part at a time. */
  async #partsOfText(from: number, take: (part: string) => void): Promise<void> {
    for (let at = from + 1; ;) {
      const end = this.#scanner.endOfString(at - 1, at + SLICE_LENGTH);
      const to = end === undefined ? this.#scanner.cutBefore(at + SLICE_LENGTH, at) : end - 1;
      take(this.#parse(`"${this.#text.slice(at, to)}"`) as string);
      at = to;
      if (end !== undefined) {
        this.#at = end;
        return;
      }
      await this.#pause();
    }
  }

  /** Reads a value that stays a text: the pieces of a text, or those of the JSON text of another value. */
  async #valueInPieces(depth: number): Promise<LongTextValue> {
    const textPieces: string[] = [];
    const from = this.#at;
    if (this.#text.charCodeAt(from) === character.quote) {
      await this.#partsOfText(from, (part) => textPieces.push(part));
      return { textPieces };
    }
    this.#at = await this.#scanner.endOfLongValue(from, depth);
    for (let at = from; at < this.#at; at += SLICE_LENGTH) {
      textPieces.push(this.#text.slice(at, Math.min(at + SLICE_LENGTH, this.#at)));
      await this.#pause();
    }
    return { textPieces, isObject: true };
  }

  /** The place of the comma before a member, where the batch before it ends. */
  #lastComma(from: number, batchFrom: number): number {
    if (from === batchFrom) return batchFrom;
    let at = from - 1;
    while (at > batchFrom && this.#text.charCodeAt(at) !== character.comma) at -= 1;
    return at;
  }

  /** Adds a batch of members. */
  #add(container: Container, isList: boolean, text: string): void {
    if (text.trim() === '') return;
    const batch = this.#parse(isList ? `[${text}]` : `{${text}}`) as Container;
    if (Array.isArray(container)) for (const value of batch as unknown[]) container.push(value);
    else
      for (const key of Object.keys(batch))
        this.#set(container, key, (batch as Record<string, unknown>)[key]);
  }

  #set(container: Record<string, unknown>, key: string, value: unknown): void {
    if (key !== '__proto__') container[key] = value;
    else if (!this.#dropsProto)
      Object.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true });
  }

  #parse(text: string): unknown {
    return this.#dropsProto ? parseWithoutProto(text) : JSON.parse(text);
  }

  #skipSpace(): void {
    this.#at = this.#scanner.afterSpace(this.#at);
  }

  /** The place of a member's value, after its key. */
  #afterKey(from: number): number {
    if (this.#text.charCodeAt(from) !== character.quote) throw broken();
    this.#at = this.#scanner.endOfKey(from);
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) !== character.colon) throw broken();
    this.#at += 1;
    this.#skipSpace();
    return this.#at;
  }
}
