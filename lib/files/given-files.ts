import type { FairTurn } from '../common/fair-gate.ts';
import { createPauses } from '../common/pauses.ts';
import { withoutEnd } from '../common/without-end.ts';
import type { Content } from '../core/message.ts';
import { AppError, messageOf } from '../errors.ts';
import { formatOf } from './format.ts';
import { contentOfBytes, SHOWN_MAX_BYTES } from './show-files.ts';

/** A file that a client gives inside of a message: its bytes (base64, or a data URL), or an http(s) address that has them. */
export type GivenFile = { filename?: string | undefined } & ({ data: string } | { url: string });

/** Reads files that are in a message itself, and are not kept as files. */
export interface GivenFiles {
  /**
   * The content of a file for a model: pictures and sound as data, texts and PDF as text, a note for another file. Rejects with
   * `invalid_request` for a file that cannot be read, is empty, or is too large, and with the signal's reason when it aborts.
   */
  read(file: GivenFile, turn: FairTurn & { signal: AbortSignal }): Promise<Content>;
}

const FETCH_TIMEOUT_MS = 20_000;
const REDIRECTS_MAX_COUNT = 5;
const DATA_URL = /^data:[^,;]*(?:;[^,;]*)*;base64,/i;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const UNPADDED = /^[A-Za-z0-9+/_-]*$/;
/** A multiple of four characters, which are three bytes. */
const PIECE_CHARS = 512 * 1024;
/** So much of a file shows its format. */
const HEAD_BYTES = 64 * 1024;
const MiB = 1024 * 1024;

/** Reads files of messages; `fetch` makes every connection, and follows no redirect. */
export function createGivenFiles(fetch: typeof globalThis.fetch): GivenFiles {
  return {
    async read(file, turn) {
      const { signal } = turn;
      const { name, bytes } = await ('data' in file ? decoded(file.data) : fetched(fetch, file.url, signal));
      if (bytes.length === 0) throw unreadable('it is empty');
      if (bytes.length > SHOWN_MAX_BYTES) throw unreadable(`it has more than ${SHOWN_MAX_BYTES / MiB} MiB`);
      const filename = file.filename ?? name;
      const { mime: mimeType } = await formatOf(bytes.subarray(0, HEAD_BYTES), filename);
      return contentOfBytes({ filename, mimeType, bytes: bytes.length }, async () => bytes, { turn });
    },
  };
}

/** The bytes of a base64 text or a data URL [RFC 2397]. Rejects with `invalid_request`. A large text does not hold the event loop. */
export async function decodeBase64(text: string): Promise<Buffer> {
  const pause = createPauses();
  const pieces: Buffer[] = [];
  let from = text.slice(0, 200).match(DATA_URL)?.[0].length ?? 0;
  do {
    const piece = text.slice(from, from + PIECE_CHARS);
    from += PIECE_CHARS;
    if (!isBase64(piece, from >= text.length)) throw unreadable('it is no base64');
    pieces.push(Buffer.from(piece, 'base64'));
    await pause();
  } while (from < text.length);
  return Buffer.concat(pieces);
}

/** Whether a text is base64, or the first part of one. */
export function isBase64(text: string, isWhole = true): boolean {
  return (isWhole ? BASE64 : UNPADDED).test(text);
}

async function decoded(data: string): Promise<{ name: string; bytes: Buffer }> {
  return { name: 'file', bytes: await decodeBase64(data) };
}

/** The bytes behind an address, and the last part of its path as a name. Each address of a chain of redirects passes the door. */
async function fetched(
  fetch: typeof globalThis.fetch,
  address: string,
  signal: AbortSignal,
): Promise<{ name: string; bytes: Buffer }> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]);
  try {
    let url = new URL(address);
    for (let count = 0; count <= REDIRECTS_MAX_COUNT; count += 1) {
      const answer = await fetch(url.href, { signal: limit, headers: { accept: '*/*' } });
      if (answer.ok) return { name: nameIn(url), bytes: await boundedBytes(answer) };
      await answer.body?.cancel();
      const location = answer.headers.get('location');
      if (answer.status < 300 || answer.status > 399 || location === null)
        throw unreadable(`the address answered ${answer.status}`);
      url = new URL(location, url);
    }
    throw unreadable(`the address redirects more than ${REDIRECTS_MAX_COUNT} times`);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (limit.aborted) throw unreadable(`the address did not give all of it in ${FETCH_TIMEOUT_MS / 1000} s`);
    throw error instanceof AppError ? error : unreadable(messageOf(error), error);
  }
}

async function boundedBytes(answer: Response): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of answer.body ?? []) {
    pieces.push(piece);
    size += piece.length;
    if (size > SHOWN_MAX_BYTES) break;
  }
  return Buffer.concat(pieces);
}

function nameIn({ pathname }: URL): string {
  const last = pathname.slice(pathname.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(last) || 'file';
  } catch {
    return last;
  }
}

function unreadable(why: string, cause?: unknown): AppError {
  return new AppError('invalid_request', withoutEnd(why, '.'), { cause });
}
