import { isObject } from './json.ts';

/** Parts are collected to pieces of at least this many characters, so that a text that comes byte by byte does not have millions. */
const PIECE_MIN_LENGTH = 64 * 1024;
/** A window has at most this many characters. */
const WINDOW_LENGTH = 64 * 1024;

/** A long text in the place of a value: an object, so that it is a JSON value. It is the server's own form, which no client sends. */
export interface LongTextValue {
  textPieces: string[];
  /** The text is the JSON text of an object. */
  isObject?: true;
}

/** Whether a value stands for a long text. */
export function isLongTextValue(value: unknown): value is LongTextValue {
  if (!isObject(value)) return false;
  const { textPieces, isObject: _, ...others } = Array.isArray(value['textPieces']) ? value : {};
  const areTexts = Array.isArray(textPieces) && textPieces.every((piece) => typeof piece === 'string');
  return areTexts && Object.keys(others).length === 0;
}

/**
 * A long text in pieces. As one string a text of 60 MB takes new memory of that size at once, which holds the event loop for up to half a
 * second where memory is slow to get. A reader that goes forward finds each place at once.
 */
export class LongText {
  readonly #pieces: string[] = [];
  /** The places at which the pieces begin. */
  readonly #starts: number[] = [];
  /** The end of the text that is no piece yet. */
  #rest = '';
  #length = 0;
  /** The piece that was read last, and its place. */
  #index = 0;
  #piece = '';
  #from = 0;
  #to = 0;

  /** The text of some parts in their order. */
  static of(parts: Iterable<string>): LongText {
    const text = new LongText();
    for (const part of parts) text.push(part);
    return text;
  }

  get length(): number {
    return this.#length;
  }

  /** Adds a part at the end. */
  push(part: string): void {
    this.#length += part.length;
    this.#rest += part;
    if (this.#rest.length >= PIECE_MIN_LENGTH) this.#endPiece();
  }

  /** The code unit at a place; NaN outside of the text. */
  charCodeAt(at: number): number {
    if (at < this.#from || at >= this.#to) this.#goTo(at);
    return this.#piece.charCodeAt(at - this.#from);
  }

  /** The text from a place to the end of its piece, at most 64 Ki characters; empty at the end of the text. */
  windowAt(place: number): string {
    if (place < this.#from || place >= this.#to) this.#goTo(place);
    return this.#piece.slice(place - this.#from, place - this.#from + WINDOW_LENGTH);
  }

  slice(from: number, to: number): string {
    let text = '';
    for (let at = from; at < Math.min(to, this.#length);) {
      if (at < this.#from || at >= this.#to) this.#goTo(at);
      text += this.#piece.slice(at - this.#from, to - this.#from);
      at = this.#to;
    }
    return text;
  }

  /** The text in windows, from a place to its end. */
  *windows(from = 0): Generator<string> {
    for (let at = from; at < this.#length;) {
      const window = this.windowAt(at);
      yield window;
      at += window.length;
    }
  }

  toString(): string {
    return this.#pieces.join('') + this.#rest;
  }

  #endPiece(): void {
    this.#pieces.push(this.#rest);
    this.#starts.push(this.#length - this.#rest.length);
    this.#rest = '';
  }

  #goTo(place: number): void {
    if (this.#rest !== '') this.#endPiece();
    if (place < 0 || place >= this.#length) {
      this.#show(this.#pieces.length, this.#length);
      return;
    }
    const isNext = place === this.#to && this.#piece !== '';
    const index = isNext ? this.#index + 1 : this.#indexOf(place);
    this.#show(index, this.#starts[index]!);
  }

  #show(index: number, from: number): void {
    this.#index = index;
    this.#piece = this.#pieces[index] ?? '';
    this.#from = from;
    this.#to = from + this.#piece.length;
  }

  /** The piece of a place, by halving. */
  #indexOf(place: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
