import { createPauses } from './pauses.ts';
import type { LongText } from './long-text.ts';

/** Finds where the values of a JSON text end, without reading them. Throws a SyntaxError for a text that ends too early. */
export class JsonScanner {
  readonly #text: LongText;
  readonly #depthMax: number;
  readonly #onContainers: ((count: number) => void) | undefined;
  readonly #pause = createPauses();

  constructor(
    text: LongText,
    { depthMax, onContainers }: { depthMax: number; onContainers?: ((count: number) => void) | undefined },
  ) {
    this.#text = text;
    this.#depthMax = depthMax;
    this.#onContainers = onContainers;
  }

  /** The place after a value; undefined for a text, a list or an object that is longer than a slice. */
  endOfValue(from: number, depth: number): number | undefined {
    const first = this.#text.charCodeAt(from);
    if (first === sign.quote) return this.endOfString(from, from + SLICE_LENGTH);
    if (first !== sign.openList && first !== sign.openObject) return this.#endOfWord(from);
    const nesting = { open: 0, count: 0 };
    for (let at = from; at - from <= SLICE_LENGTH;) {
      const next = this.#passWindow(at, { before: from + SLICE_LENGTH, depth, nesting });
      if (next === undefined) return undefined;
      at = next;
      if (nesting.open > 0) continue;
      if (at - from > SLICE_LENGTH) return undefined;
      this.#onContainers?.(nesting.count);
      return at;
    }
    return undefined;
  }

  /** The place after a list or an object of any length. */
  async endOfLongValue(from: number, depth: number): Promise<number> {
    const nesting = { open: 0, count: 0 };
    for (let at = from; ;) {
      at = this.#passWindow(at, { before: Infinity, depth, nesting })!;
      await this.#pause();
      if (nesting.open > 0) continue;
      this.#onContainers?.(nesting.count);
      return at;
    }
  }

  /** Passes the signs of a window, up to the end of the value. Undefined: a text goes on behind `before`. */
  #passWindow(start: number, { before, depth, nesting }: Passage): number | undefined {
    const window = this.#text.windowAt(start);
    if (window === '') throw broken();
    let at = 0;
    for (; at < window.length; at += 1) {
      const char = window.charCodeAt(at);
      if (char === sign.quote) {
        const end = this.endOfString(start + at, before);
        if (end === undefined) return undefined;
        at = end - start - 1;
      } else if (char === sign.openList || char === sign.openObject) {
        nesting.open += 1;
        nesting.count += 1;
        if (depth + nesting.open > this.#depthMax) throw nestedTooDeeply();
      } else if (char === sign.closeList || char === sign.closeObject) {
        nesting.open -= 1;
        if (nesting.open === 0) return start + at + 1;
      }
    }
    return start + at;
  }

  /** The place after a number, `true`, `false` or `null`. */
  #endOfWord(from: number): number {
    let at = from;
    while (at < this.#text.length && !WORD_ENDS.has(this.#text.charCodeAt(at))) at += 1;
    if (at === from) throw broken();
    return at;
  }

  /**
   * The end of a text that begins at `from`, or goes on there. Undefined: the text goes on behind `before`. A quotation mark behind an
   * odd number of backslashes is a part of the text.
   */
  endOfString(from: number, before: number): number | undefined {
    for (let start = from + 1; start < Math.min(before, this.#text.length);) {
      const window = this.#text.windowAt(start);
      for (let at = window.indexOf('"'); at !== -1; at = window.indexOf('"', at + 1)) {
        const end = start + at;
        if (end >= before) return undefined;
        if (this.#backslashesBefore(end, from + 1) % 2 === 0) return end + 1;
      }
      start += window.length;
    }
    if (before < this.#text.length) return undefined;
    throw broken();
  }

  /** The place after the text of a key. */
  endOfKey(from: number): number {
    return this.endOfString(from, Number.POSITIVE_INFINITY)!;
  }

  /** The number of backslashes right before `place`. The search goes back to `since`, which is in no escape. */
  #backslashesBefore(place: number, since: number): number {
    let at = place;
    while (at > since && this.#text.charCodeAt(at - 1) === sign.backslash) at -= 1;
    return place - at;
  }

  /** The next place that is no white space. */
  afterSpace(from: number): number {
    let at = from;
    while (SPACES.has(this.#text.charCodeAt(at))) at += 1;
    return at;
  }

  /** A place in a text, at most as far as this one, that is not inside of an escape [RFC 8259 7]. */
  cutBefore(place: number, since: number): number {
    for (let at = place - ESCAPE_LENGTH + 1; at < place; at += 1)
      if (this.#text.charCodeAt(at) === sign.backslash && this.#backslashesBefore(at, since) % 2 === 0)
        return at;
    return place;
  }
}

/** How the signs of a list or an object are passed: those that are open, and all so far. */
interface Passage {
  before: number;
  depth: number;
  nesting: { open: number; count: number };
}

/** A value of this many characters is parsed or written in one go, in about a millisecond. Larger ones take memory that is slow to get. */
export const SLICE_LENGTH = 64 * 1024;
/** The length of the longest escape, `\u0000`. */
const ESCAPE_LENGTH = 6;
/** The signs of a JSON text, as code units [RFC 8259 2]. */
export const sign = {
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  openList: 0x5b,
  backslash: 0x5c,
  closeList: 0x5d,
  openObject: 0x7b,
  closeObject: 0x7d,
} as const;
/** What may stand between the parts of a JSON text [RFC 8259 2]. */
const SPACES = new Set([0x20, 0x0a, 0x0d, 0x09]);
const WORD_ENDS = new Set([...SPACES, sign.comma, sign.closeList, sign.closeObject]);

/** The error for a text that is not JSON. */
export function broken(): SyntaxError {
  return new SyntaxError('The text is not JSON.');
}

/** The error for a value with too many levels. */
export function nestedTooDeeply(): RangeError {
  return new RangeError('The value is nested too deeply.');
}
