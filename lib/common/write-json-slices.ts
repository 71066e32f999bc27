import { formatExactly } from './exact-numbers.ts';
import type { JsonValue } from './json.ts';
import { SLICE_LENGTH } from './json-scanner.ts';
import { createPauses } from './pauses.ts';

/** The JSON text of a plain JSON value, as `JSON.stringify` writes it; lets other work run in between. */
export async function stringifyInSlices(value: unknown): Promise<string> {
  return (await jsonSlicesOf(value)).join('');
}

/** The JSON text of a plain JSON value in slices: as one text, a large one would hold the event loop. No slice cuts a character. */
export async function jsonSlicesOf(value: unknown): Promise<string[]> {
  const writer = new SliceWriter();
  await writer.write(value, WRITTEN_DEPTH);
  return writer.slices();
}

/** Whether the JSON text of a value is longer than about a slice. Looks at no more of it than it takes to see that. */
export function isLargeValue(value: unknown): boolean {
  let room = SLICE_LENGTH;
  const look = (one: unknown): void => {
    if (typeof one === 'string') room -= one.length;
    else room -= 4;
    if (typeof one !== 'object' || one === null) return;
    for (const key in one) {
      if (room < 0) return;
      if (!Array.isArray(one)) room -= key.length;
      look((one as Record<string, unknown>)[key]);
    }
  };
  look(value);
  return room < 0;
}

/** Below this many levels a value is written in one go where it is not large: to look at each value on the way down would cost more. */
const WRITTEN_DEPTH = 6;

/** Pieces are joined to slices as they come: one join of millions of pieces would hold the event loop. */
class SliceWriter {
  readonly #slices: string[] = [];
  readonly #pause = createPauses();
  #pieces: string[] = [];
  #length = 0;

  slices(): string[] {
    this.#join();
    return this.#slices;
  }

  async write(value: unknown, depth: number): Promise<void> {
    const pause = this.#pause();
    if (pause) await pause;
    if (typeof value === 'string') await this.#writeText(value);
    else if (typeof value !== 'object' || value === null || (depth === 0 && !isLargeValue(value)))
      this.#put(formatExactly(value as JsonValue));
    else if (Array.isArray(value)) {
      this.#put('[');
      for (const [index, item] of value.entries()) {
        if (index > 0) this.#put(',');
        const later = this.#member(item ?? null, depth);
        if (later) await later;
      }
      this.#put(']');
    } else {
      this.#put('{');
      let isFirst = true;
      // The entries of a wide object take five times as long as its keys.
      for (const key of Object.keys(value)) {
        const item = (value as Record<string, unknown>)[key];
        if (item === undefined) continue;
        this.#put(`${isFirst ? '' : ','}${JSON.stringify(key)}:`);
        isFirst = false;
        const later = this.#member(item, depth);
        if (later) await later;
      }
      this.#put('}');
    }
  }

  /** Writes a text. A long one is written a part at a time; no part ends inside of a character. */
  async #writeText(text: string): Promise<void> {
    if (text.length <= SLICE_LENGTH) {
      this.#put(JSON.stringify(text));
      return;
    }
    this.#put('"');
    for (let from = 0, to = 0; from < text.length; from = to) {
      to = Math.min(from + SLICE_LENGTH, text.length);
      if (to < text.length && isLead(text.charCodeAt(to - 1))) to -= 1;
      this.#put(JSON.stringify(text.slice(from, to)).slice(1, -1));
      await this.#pause();
    }
    this.#put('"');
  }

  /** Writes a member. Only a container, a long text or a pause takes a promise: a document has a million other members. */
  #member(item: unknown, depth: number): Promise<void> | undefined {
    if (typeof item === 'object' && item !== null) return this.write(item, Math.max(0, depth - 1));
    if (typeof item === 'string' && item.length > SLICE_LENGTH) return this.#writeText(item);
    this.#put(formatExactly(item as JsonValue));
    return this.#pause();
  }

  #put(piece: string): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#length > SLICE_LENGTH) this.#join();
  }

  #join(): void {
    if (this.#pieces.length === 0) return;
    this.#slices.push(this.#pieces.join(''));
    this.#pieces = [];
    this.#length = 0;
  }
}

/** Whether a code unit is the first of the two of a character [Unicode 3.9]. */
function isLead(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}
