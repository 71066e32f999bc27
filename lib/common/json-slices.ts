/** A value of this many characters is parsed in one go: 1 to 10 ms. */
const SLICE_LENGTH = 256 * 1024;
/** How long the event loop is held between two pauses, in ms. */
const HOLD_MS = 10;

/** How a large text is parsed. */
export interface SliceOptions {
  /** A deeper value is a RangeError. Without it there is no limit of its own. */
  depthMax?: number;
  /** Leaves out the keys `__proto__`, instead of keeping them as own keys as `JSON.parse` does. */
  dropsProto?: boolean;
}

/**
 * Parses JSON as `JSON.parse` does, a quarter of a megabyte at a time, and lets other work run in between. Throws a SyntaxError
 * without a place, or a RangeError for a value that is too deep.
 */
export async function parseJsonInSlices(text: string, options: SliceOptions = {}): Promise<unknown> {
  const reader = new SliceReader(text, options);
  return reader.read();
}

/** The JSON text of a plain JSON value, as `JSON.stringify` writes it; lets other work run in between. */
export async function stringifyInSlices(value: unknown): Promise<string> {
  const writer = new SliceWriter();
  await writer.write(value, WRITTEN_DEPTH);
  return writer.text();
}

/** Below this many levels a value is written in one go: large documents are wide, not deep. */
const WRITTEN_DEPTH = 6;

/** Pieces are joined to slices as they come: one join of millions of pieces would hold the event loop. */
class SliceWriter {
  readonly #slices: string[] = [];
  readonly #pause = createPauses();
  #pieces: string[] = [];
  #length = 0;

  text(): string {
    this.#join();
    return this.#slices.join('');
  }

  async write(value: unknown, depth: number): Promise<void> {
    const pause = this.#pause();
    if (pause) await pause;
    if (typeof value !== 'object' || value === null || depth === 0) this.#put(JSON.stringify(value));
    else if (Array.isArray(value)) {
      this.#put('[');
      for (const [index, item] of value.entries()) {
        if (index > 0) this.#put(',');
        await this.#member(item ?? null, depth);
      }
      this.#put(']');
    } else {
      this.#put('{');
      let isFirst = true;
      for (const [key, item] of Object.entries(value)) {
        if (item === undefined) continue;
        this.#put(`${isFirst ? '' : ','}${JSON.stringify(key)}:`);
        isFirst = false;
        await this.#member(item, depth);
      }
      this.#put('}');
    }
  }

  /** Writes a member. Only a container may have to wait. */
  async #member(item: unknown, depth: number): Promise<void> {
    if (typeof item === 'object' && item !== null) await this.write(item, depth - 1);
    else {
      const pause = this.#pause();
      if (pause) await pause;
      this.#put(JSON.stringify(item));
    }
  }

  #put(piece: string): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#length > SLICE_LENGTH) this.#join();
  }

  #join(): void {
    this.#slices.push(this.#pieces.join(''));
    this.#pieces = [];
    this.#length = 0;
  }
}

/** Resolves at once, or in the next turn of the event loop when the last one is longer ago than the longest hold. */
export function createPauses(): () => Promise<void> | undefined {
  let began = performance.now();
  return () => {
    if (performance.now() - began < HOLD_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        began = performance.now();
        resolve();
      });
    });
  };
}

type Container = unknown[] | Record<string, unknown>;

/** Members are collected up to the length of a slice and parsed together; a larger member is a container that is opened. */
class SliceReader {
  readonly #text: string;
  readonly #depthMax: number;
  readonly #reviver: ((key: string, value: unknown) => unknown) | undefined;
  readonly #pause = createPauses();
  #at = 0;

  constructor(text: string, { depthMax = Number.POSITIVE_INFINITY, dropsProto = false }: SliceOptions) {
    this.#text = text;
    this.#depthMax = depthMax;
    this.#reviver = dropsProto ? (key, value) => (key === '__proto__' ? undefined : value) : undefined;
  }

  async read(): Promise<unknown> {
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
    if (depth >= this.#depthMax) throw tooDeep();
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
        else
          this.#set(container, this.#parse(this.#text.slice(from, this.#endOfString(from))) as string, value);
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
    else if (!this.#reviver)
      Object.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true });
  }

  #parse(text: string): unknown {
    return JSON.parse(text, this.#reviver);
  }

  /** The place of a member's value, after its key. */
  #afterKey(from: number): number {
    if (this.#text[from] !== '"') throw broken();
    this.#at = this.#endOfString(from);
    this.#skipSpace();
    if (this.#text[this.#at] !== ':') throw broken();
    this.#at += 1;
    this.#skipSpace();
    return this.#at;
  }

  /** The place after a value; undefined for a list or an object that is longer than a slice. */
  #endOfValue(from: number, depth: number): number | undefined {
    const text = this.#text;
    const first = text.charCodeAt(from);
    if (first === QUOTE) return this.#endOfString(from);
    if (first !== OPEN_LIST && first !== OPEN_OBJECT) return this.#endOfWord(from);
    let open = 0;
    for (let at = from; at < text.length; at += 1) {
      if (at - from > SLICE_LENGTH) return undefined;
      const char = text.charCodeAt(at);
      if (char === QUOTE) at = this.#endOfString(at) - 1;
      else if (char === OPEN_LIST || char === OPEN_OBJECT) {
        open += 1;
        if (depth + open > this.#depthMax) throw tooDeep();
      } else if (char === CLOSE_LIST || char === CLOSE_OBJECT) {
        open -= 1;
        if (open === 0) return at + 1;
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

  /** The place after a text; a quotation mark behind an odd number of backslashes does not end it. */
  #endOfString(from: number): number {
    const text = this.#text;
    for (let end = text.indexOf('"', from + 1); end !== -1; end = text.indexOf('"', end + 1)) {
      let backslashes = 0;
      while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
      if (backslashes % 2 === 0) return end + 1;
    }
    throw broken();
  }

  #skipSpace(): void {
    while (this.#at < this.#text.length && ' \n\r\t'.includes(this.#text[this.#at]!)) this.#at += 1;
  }
}

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
