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
    if (first === character.quote) return this.endOfString(from, from + SLICE_LENGTH);
    if (first !== character.openList && first !== character.openObject) return this.#endOfWord(from);
    const nesting = { open: 0, count: 0, textFrom: from };
    for (let at = from; at - from <= SLICE_LENGTH;) {
      const next = this.#passWindow(at, { limit: from + SLICE_LENGTH, depth, nesting });
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
    const nesting = { open: 0, count: 0, textFrom: from };
    for (let at = from; ;) {
      const next = this.#passWindow(at, { limit: at + 2 * SLICE_LENGTH, depth, nesting });
      at = next ?? (await this.#endOfLongText(nesting.textFrom));
      const pause = this.#pause();
      if (pause) await pause;
      if (nesting.open > 0) continue;
      this.#onContainers?.(nesting.count);
      return at;
    }
  }

  /** The place after a text of any length. */
  async #endOfLongText(from: number): Promise<number> {
    for (let at = from + 1; ;) {
      const end = this.endOfString(at - 1, at + SLICE_LENGTH);
      if (end !== undefined) return end;
      at = this.cutBefore(at + SLICE_LENGTH, at);
      await this.#pause();
    }
  }

  /** Passes the characters of a window, up to the end of the value. Undefined when a text, that begins at `textFrom`, does not end before `limit`. */
  #passWindow(start: number, { limit, depth, nesting }: Passage): number | undefined {
    const window = this.#text.windowAt(start);
    if (window === '') throw broken();
    let at = 0;
    for (; at < window.length; at += 1) {
      const code = window.charCodeAt(at);
      if (code === character.quote) {
        const end = this.endOfString(start + at, limit);
        if (end === undefined) {
          nesting.textFrom = start + at;
          return undefined;
        }
        at = end - start - 1;
      } else if (code === character.openList || code === character.openObject) {
        nesting.open += 1;
        nesting.count += 1;
        if (depth + nesting.open > this.#depthMax) throw nestedTooDeeply();
      } else if (code === character.closeList || code === character.closeObject) {
        nesting.open -= 1;
        if (nesting.open === 0) return start + at + 1;
      }
    }
    return start + at;
  }

  /** The place after a number, `true`, `false` or `null`. */
  #endOfWord(from: number): number {
    let at = from;
    while (at < this.#text.length && !WORD_ENDS.has(this.#text.charCodeAt(at))) {
      at += 1;
      if (at - from > SLICE_LENGTH) throw tooLong('A number');
    }
    if (at === from) throw broken();
    return at;
  }

  /**
   * The end of a text that begins at `from`, or goes on there. Undefined when it does not end before `limit`. A quotation mark behind an odd
   * number of backslashes is a part of the text.
   */
  endOfString(from: number, limit: number): number | undefined {
    for (let start = from + 1; start < Math.min(limit, this.#text.length);) {
      const window = this.#text.windowAt(start);
      for (let at = window.indexOf('"'); at !== -1; at = window.indexOf('"', at + 1)) {
        const end = start + at;
        if (end >= limit) return undefined;
        if (this.#backslashesBefore(end, from + 1) % 2 === 0) return end + 1;
      }
      start += window.length;
    }
    if (limit < this.#text.length) return undefined;
    throw broken();
  }

  /** The place after the text of a key. */
  endOfKey(from: number): number {
    const end = this.endOfString(from, from + SLICE_LENGTH);
    if (end === undefined) throw tooLong('A key');
    return end;
  }

  /** The number of backslashes right before `place`. The search goes back to `since`, which is in no escape. */
  #backslashesBefore(place: number, since: number): number {
    let at = place;
    while (at > since && this.#text.charCodeAt(at - 1) === character.backslash) at -= 1;
    return place - at;
  }

  /** The next place that is no white space. */
  afterSpace(from: number): number {
    let at = from;
    while (SPACES.has(this.#text.charCodeAt(at))) {
      at += 1;
      if (at - from > SLICE_LENGTH) throw tooLong('White space');
    }
    return at;
  }

  /** A place in a text, at most as far as this one, that is not inside of an escape [RFC 8259 7]. */
  cutBefore(place: number, since: number): number {
    for (let at = place - ESCAPE_LENGTH + 1; at < place; at += 1)
      if (this.#text.charCodeAt(at) === character.backslash && this.#backslashesBefore(at, since) % 2 === 0)
        return at;
    return place;
  }
}

/** How the characters of a list or an object are passed: the lists and objects that are open, and all so far. */
interface Passage {
  /** A text that does not end before this place is not passed. */
  limit: number;
  depth: number;
  nesting: { open: number; count: number; textFrom: number };
}

/** A value of this many characters is parsed or written in one go, in about a millisecond. Larger ones take memory that is slow to get. */
export const SLICE_LENGTH = 64 * 1024;
/** The length of the longest escape, `\u0000`. */
const ESCAPE_LENGTH = 6;
/** The characters of the structure of a JSON text, as code units [RFC 8259 2]. */
export const character = {
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
const WORD_ENDS = new Set([...SPACES, character.comma, character.closeList, character.closeObject]);

/** A JSON text that is too large in one of its parts, where no real text is. The message is for whoever sent it. */
export class JsonLimitError extends RangeError {}

function tooLong(what: string): JsonLimitError {
  return new JsonLimitError(`${what} has more than ${SLICE_LENGTH} characters.`);
}

/** The error for a text that is not JSON. */
export function broken(): SyntaxError {
  return new SyntaxError('The text is not JSON.');
}

/** The error for a value with too many levels. */
export function nestedTooDeeply(): RangeError {
  return new RangeError('The value is nested too deeply.');
}
