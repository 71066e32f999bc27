import { createHash } from 'node:crypto';
import { isObject, type JsonObject } from '../common/json.ts';
import { character } from '../common/json-scanner.ts';
import { isLongTextValue, LongText } from '../common/long-text.ts';
import { createPauses } from '../common/pauses.ts';
import { jsonSlicesOf } from '../common/write-json-slices.ts';
import { messageOf, SpecError, type Fault } from '../errors.ts';

/** The fault of a document that a client gives in the server's own form for long texts: it would be shown so. */
export function longTextFaults(openSpec: unknown, pointer: string): Fault[] {
  return isLongTextValue(openSpec) ? [{ pointer, detail: 'has textPieces, and is no document' }] : [];
}

/** The hashes of documents in memory, which never change: each call asks for that of its device. */
const hashes = new WeakMap<JsonObject, string>();

/** The hash of a document, and its text where that was made for it. */
export async function hashedDocument(
  openSpec: string | JsonObject,
): Promise<{ hash: string; text?: LongText }> {
  const known = typeof openSpec === 'string' ? undefined : hashes.get(openSpec);
  if (known !== undefined) return { hash: known };
  const text = await documentTextOf(openSpec);
  const hash = await hashOf(text);
  if (typeof openSpec !== 'string') hashes.set(openSpec, hash);
  return { hash, text };
}

/** A document is known by its content: collisions of a weaker hash would give one caller's tools to another. */
async function hashOf(text: LongText): Promise<string> {
  const hash = createHash('sha256');
  const pause = createPauses();
  for (const window of text.windows()) {
    hash.update(window, 'utf16le'); // exact also where a window halves a character
    await pause();
  }
  return hash.digest('base64');
}

/** The memory of a list, an object, or a member, in bytes: about as much as one takes in Node. */
const PART_BYTES = 48;

/**
 * About the memory that a document takes when it is compiled, in bytes. Parts are counted by the signs and lines that begin them: a text
 * of small parts takes thirty times its length.
 */
export async function memoryOf(text: LongText): Promise<number> {
  const pause = createPauses();
  let parts = 0;
  for (const window of text.windows()) {
    for (let at = 0; at < window.length; at += 1) {
      if (PART_BEGINNINGS.has(window.charCodeAt(at))) parts += 1;
    }
    await pause();
  }
  return text.length * 2 + parts * PART_BYTES;
}

/** The characters before a part: in JSON those of its structure, in YAML the line end. */
const PART_BEGINNINGS = new Set<number>([character.openList, character.openObject, character.comma, 0x0a]);

/** The document as text: the cache knows documents by their text. */
export async function documentTextOf(openSpec: string | JsonObject): Promise<LongText> {
  if (typeof openSpec === 'string') return LongText.of([openSpec]);
  if (isLongTextValue(openSpec)) return LongText.of(openSpec.textPieces);
  if (!isObject(openSpec)) throw new SpecError('"openSpec" is neither text nor an object.');
  try {
    return LongText.of(await jsonSlicesOf(openSpec));
  } catch (error) {
    throw new SpecError(`The document is no plain JSON object: ${messageOf(error)}`, [], error);
  }
}
