import { isUtf8 } from 'node:buffer';

/** The byte order marks, by the encoding that they say [Encoding Standard 6.1]. */
const MARKS: readonly (readonly [encoding: string, bytes: Buffer])[] = [
  ['utf-8', Buffer.from([0xef, 0xbb, 0xbf])],
  ['utf-16le', Buffer.from([0xff, 0xfe])],
  ['utf-16be', Buffer.from([0xfe, 0xff])],
];

/** The encoding that a byte order mark at the start of the bytes says; undefined without a mark. */
export function markedEncoding(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(3, bytes.length));
  return MARKS.find(([, mark]) => start.subarray(0, mark.length).equals(mark))?.[0];
}

/**
 * The text that came from outside, without its byte order mark. This is the one reader of foreign text: every driver and
 * every reader of documents uses it.
 *
 * A byte order mark counts more than `charset`, the word of the sender [Encoding Standard 6.1]. Without both the text is
 * UTF-8, and Latin-1 when the bytes are no UTF-8, so that no byte is lost.
 */
export function decodeText(bytes: Uint8Array, charset?: string): string {
  const encoding =
    markedEncoding(bytes) ?? (charset === undefined || isUtf8Name(charset) ? undefined : charset);
  if (encoding !== undefined) {
    try {
      return new TextDecoder(encoding).decode(bytes);
    } catch {
      return latin1(bytes); // an unknown charset: keep every byte
    }
  }
  return isUtf8(bytes)
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
    : latin1(bytes);
}

function isUtf8Name(charset: string): boolean {
  return /^utf-?8$/i.test(charset);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
