import { createPauses } from './pauses.ts';

/** A value of this many characters is parsed or written in one go: 1 to 10 ms. */
export const SLICE_LENGTH = 256 * 1024;

/** So many containers longer than a slice may be inside of each other: each level reads a slice to find that it is long. */
const LARGE_DEPTH_MAX = 64;

/** How a large text is parsed. */
export interface SliceOptions {
  /** A deeper value is a RangeError. Without it only the depth of large values is limited. */
  depthMax?: number;
  /** Leaves out the keys `__proto__`, instead of keeping them as own keys as `JSON.parse` does. */
  dropsProto?: boolean;
  /** Is called with the number of lists and objects before they are made. It may throw. */
  onContainers?: ((count: number) => void) | undefined;
}

/**
 * Parses JSON as `JSON.parse` does, a quarter of a megabyte at a time, and lets other work run in between. Throws a SyntaxError
 * without a place, or a RangeError for a value that is too deep.
 */
export async function parseJsonInSlices(text: string, options: SliceOptions = {}): Promise<unknown> {
  const reader = new SliceReader(text, options);
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
  readonly #text: string;
  readonly #depthMax: number;
  readonly #dropsProto: boolean;
  readonly #onContainers: ((count: number) => void) | undefined;
  readonly #pause = createPauses();
  #at = 0;

  constructor(text: string, { depthMax = Infinity, dropsProto = false, onContainers }: SliceOptions) {
    this.#text = text;
    this.#depthMax = depthMax;
    this.#onContainers = onContainers;
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
    const end = this.#endOfValue(from, depth);
    if (end !== undefined) {
      this.#at = end;
      return this.#parse(this.#text.slice(from, end));
    }
    if (this.#text[from] === '"') return this.#longText(from);
    if (depth >= Math.min(this.#depthMax, LARGE_DEPTH_MAX)) throw tooDeep();
    const isList = this.#text[from] === '[';
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
    for (;;) {
      this.#skipSpace();
      const from = this.#at;
      const valueFrom = isList ? from : this.#afterKey(from);
      const end = this.#endOfValue(valueFrom, depth);
      if (end === undefined || end - batchFrom > SLICE_LENGTH) {
        flush(this.#lastComma(from, batchFrom));
        batchFrom = from;
        await this.#pause();
      }
      if (end === undefined) {
        this.#at = valueFrom;
        const value = await this.#value(depth);
        if (Array.isArray(container)) container.push(value);
        else this.#set(container, this.#parse(this.#text.slice(from, this.#endOfKey(from))) as string, value);
        batchFrom = this.#at;
      } else this.#at = end;
      this.#skipSpace();
      const next = this.#text[this.#at];
      if (next === ',') {
        this.#at += 1;
        if (batchFrom === this.#at - 1) batchFrom = this.#at;
        continue;
      }
      if (next !== (isList ? ']' : '}')) throw broken();
      flush(this.#at);
      this.#at += 1;
      return;
    }
  }

  /** Parses a text that is longer than a slice, a part at a time. */
  async #longText(from: number): Promise<string> {
    let value = '';
    for (let at = from + 1; ;) {
      const end = this.#endOfString(at - 1, at + SLICE_LENGTH);
      const to = end === undefined ? this.#cutBefore(at + SLICE_LENGTH, at) : end - 1;
      value += this.#parse(`"${this.#text.slice(at, to)}"`) as string;
      at = to;
      if (end !== undefined) {
        this.#at = end;
        return value;
      }
      await this.#pause();
    }
  }

  /** A place in a text, at most as far as this one, that is not inside of an escape [RFC 8259 7]. */
  #cutBefore(place: number, since: number): number {
    for (let at = place - ESCAPE_LENGTH + 1; at < place; at += 1)
      if (this.#text.charCodeAt(at) === BACKSLASH && this.#backslashesBefore(at, since) % 2 === 0) return at;
    return place;
  }

  /** The place of the comma before a member, where the batch before it ends. */
  #lastComma(from: number, batchFrom: number): number {
    return from === batchFrom ? batchFrom : Math.max(batchFrom, this.#text.lastIndexOf(',', from - 1));
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

  /** The place of a member's value, after its key. */
  #afterKey(from: number): number {
    if (this.#text[from] !== '"') throw broken();
    this.#at = this.#endOfKey(from);
    this.#skipSpace();
    if (this.#text[this.#at] !== ':') throw broken();
    this.#at += 1;
    this.#skipSpace();
    return this.#at;
  }

  /** The place after a value; undefined for a text, a list or an object that is longer than a slice. */
  #endOfValue(from: number, depth: number): number | undefined {
    const text = this.#text;
    const first = text.charCodeAt(from);
    if (first === QUOTE) return this.#endOfString(from, from + SLICE_LENGTH);
    if (first !== OPEN_LIST && first !== OPEN_OBJECT) return this.#endOfWord(from);
    let open = 0;
    let count = 0;
    for (let at = from; at < text.length; at += 1) {
      if (at - from > SLICE_LENGTH) return undefined;
      const char = text.charCodeAt(at);
      if (char === QUOTE) {
        const end = this.#endOfString(at, from + SLICE_LENGTH);
        if (end === undefined) return undefined;
        at = end - 1;
      } else if (char === OPEN_LIST || char === OPEN_OBJECT) {
        open += 1;
        count += 1;
        if (depth + open > this.#depthMax) throw tooDeep();
      } else if (char === CLOSE_LIST || char === CLOSE_OBJECT) {
        open -= 1;
        if (open > 0) continue;
        this.#onContainers?.(count);
        return at + 1;
      }
    }
    throw broken();
  }

  /** The place after a number, `true`, `false` or `null`. */
  #endOfWord(from: number): number {
    let at = from;
    while (at < this.#text.length && !',]} \n\r\t'.includes(this.#text[at]!)) at += 1;
    if (at === from) throw broken();
    return at;
  }

  /**
   * The end of a text that begins at `from`, or goes on there. Undefined: the text goes on behind `before`. A quotation mark behind an
   * odd number of backslashes is a part of the text.
   */
  #endOfString(from: number, before: number): number | undefined {
    const window = this.#text.slice(from + 1, before);
    for (let at = window.indexOf('"'); at !== -1; at = window.indexOf('"', at + 1)) {
      const end = from + 1 + at;
      if (this.#backslashesBefore(end, from + 1) % 2 === 0) return end + 1;
    }
    if (before < this.#text.length) return undefined;
    throw broken();
  }

  /** The place after the text of a key. */
  #endOfKey(from: number): number {
    return this.#endOfString(from, Number.POSITIVE_INFINITY)!;
  }

  /** The number of backslashes right before `place`. The search goes back to `since`, which is in no escape. */
  #backslashesBefore(place: number, since: number): number {
    let at = place;
    while (at > since && this.#text.charCodeAt(at - 1) === BACKSLASH) at -= 1;
    return place - at;
  }

  #skipSpace(): void {
    while (this.#at < this.#text.length && ' \n\r\t'.includes(this.#text[this.#at]!)) this.#at += 1;
  }
}

/** The length of the longest escape, `\u0000`. */
const ESCAPE_LENGTH = 6;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

function broken(): SyntaxError {
  return new SyntaxError('The text is not JSON.');
}

function tooDeep(): RangeError {
  return new RangeError('The value is nested too deeply.');
}
