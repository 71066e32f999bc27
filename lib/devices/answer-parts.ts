import type { JsonObject } from '../common/json.ts';

/** The parts of one answer that are kept: so many, of together so many characters. */
const PARTS_MAX_COUNT = 50;
const PARTS_MAX_CHARS = 8 * 1024 * 1024;

interface Kept {
  parts: JsonObject[];
  chars: number;
}

/**
 * The pictures, sounds and embedded resources in the answers of calls that somebody waits for. The log has them in words only. They are
 * in the memory of this node, by the keys of the calls, until they are taken.
 */
export class AnswerParts {
  readonly #expected = new Map<string, Kept>();

  /** Keeps the parts of the answer to the call with this key. The caller takes them in any case. */
  expect(key: string): void {
    this.#expected.set(key, { parts: [], chars: 0 });
  }

  /** Whether somebody waits for the parts of a call. */
  isExpected(key: string): boolean {
    return this.#expected.has(key);
  }

  /** Adds a part. Beyond the bounds it is left out. */
  add(key: string, part: JsonObject): void {
    const kept = this.#expected.get(key);
    if (!kept || kept.parts.length >= PARTS_MAX_COUNT) return;
    const { length } = JSON.stringify(part);
    if (kept.chars + length > PARTS_MAX_CHARS) return;
    kept.parts.push(part);
    kept.chars += length;
  }

  /** The parts of a call, which are forgotten here. */
  take(key: string): JsonObject[] {
    const { parts = [] } = this.#expected.get(key) ?? {};
    this.#expected.delete(key);
    return parts;
  }
}
