import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { JsonObject } from '../common/json.ts';
import { defaultKinds } from '../defaults.ts';
import { AppError, messageOf, SpecError } from '../errors.ts';
import { parseText } from '../openspec/parse.ts';

/** The text of a document, and its source: an absolute path or a URL; undefined for standard input. */
export interface SpecText {
  text: string;
  source?: string;
}

/** Reads a document from a file (relative to `folder`), from `-` (standard input) or from an http(s) URL. Throws an AppError `not_found`. */
export async function readSpec(place: string, folder: string = process.cwd()): Promise<SpecText> {
  try {
    if (place === '-') return { text: await text(process.stdin) };
    if (/^https?:\/\//i.test(place)) return { text: await download(place), source: place };
    const source = resolve(folder, place);
    return { text: await readFile(source, 'utf8'), source };
  } catch (error) {
    throw new AppError('not_found', `${place} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}

/** The openSpecList entry for a document's place. An entry stays unchanged. Throws as `readSpec` does. */
export async function readEntry(place: string | JsonObject, folder?: string): Promise<JsonObject> {
  if (typeof place !== 'string') return place;
  const { text } = await readSpec(place, folder);
  return (await entryIn(text)) ?? { openSpec: text };
}

/** A longer text is a document. */
const ENTRY_MAX_CHARS = 64 * 1024;

/**
 * The entry in a text such as `{"protocol":"mcp","server":"https://…/mcp"}`: the address of a device that says its document itself.
 * Undefined for a document.
 */
export async function entryIn(text: string): Promise<JsonObject | undefined> {
  if (text.length > ENTRY_MAX_CHARS || !/\bprotocol\b/.test(text)) return undefined;
  try {
    const { document } = await parseText(text);
    const isEntry = typeof document['protocol'] === 'string' && document['openSpec'] === undefined;
    // A document may have a member `protocol` of its own: a text that some kind knows is a document.
    return isEntry && !defaultKinds.some((kind) => kind.detect(document)) ? document : undefined;
  } catch (error) {
    if (error instanceof SpecError) return undefined; // it is refused as a document, with its fault
    throw error;
  }
}

/** The text behind an address, within 30 s. */
async function download(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
  if (!response.ok) throw new Error(`it answers ${response.status} ${response.statusText}`.trim());
  return response.text();
}

/** The message `fetch failed` does not help; its cause has the reason. */
function reasonOf(error: unknown): string {
  const cause = error instanceof TypeError && error.cause !== undefined ? error.cause : error;
  return (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : messageOf(cause);
}
