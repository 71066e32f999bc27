import type { JsonObject, JsonValue } from '../common/json.ts';
import type { CallContext, CallNotice } from '../core/tool.ts';

/** The parts of one answer that are kept: so many, of together so many characters. */
const PARTS_MAX_COUNT = 50;
const PARTS_MAX_CHARS = 8 * 1024 * 1024;
/** A longer text of a notice is cut to this. */
const NOTICE_MAX_CHARS = 1000;

interface Kept {
  parts: JsonObject[];
  chars: number;
  onNotice: CallContext['onNotice'];
}

/**
 * The pictures, sounds and embedded resources in the answers of calls that somebody waits for, and the notices of a device while a
 * call is under way. The log has the parts in words only, and no notices. The parts are in the memory of this node, by the keys of
 * the calls, until they are taken.
 */
export class AnswerParts {
  readonly #expected = new Map<string, Kept>();

  /**
   * Keeps the parts of the answer to the call with this key, and passes on the notices of the device. The caller takes the parts in
   * any case, and gets no notice after that.
   */
  expect(key: string, onNotice?: CallContext['onNotice']): void {
    this.#expected.set(key, { parts: [], chars: 0, onNotice });
  }

  /** Whether somebody waits for the parts of a call. */
  isExpected(key: string): boolean {
    return this.#expected.has(key);
  }

  /** Passes on a notice about a call, cut to its beginning. Its secrets must be blotted out before: half a key is not recognized. */
  notify(key: string, notice: CallNotice): void {
    this.#expected.get(key)?.onNotice?.(cut(notice));
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

function cut(notice: CallNotice): CallNotice {
  if (notice.type === 'log') return { ...notice, data: cutValue(notice.data) };
  const { message } = notice;
  return message === undefined ? notice : { ...notice, message: message.slice(0, NOTICE_MAX_CHARS) };
}

/** A short value as it is, and the beginning of any other as text. */
function cutValue(data: JsonValue): JsonValue {
  const text = JSON.stringify(data);
  return text.length > NOTICE_MAX_CHARS ? text.slice(0, NOTICE_MAX_CHARS) : data;
}
