import { isUtf8 } from 'node:buffer';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { decodeText, markedEncoding } from './decode-text.ts';
import type { HttpResponse } from './http.ts';

const TEXT =
  /^(?:text\/|application\/(?:[\w.-]+\+)?(?:json|xml|yaml)\b|application\/(?:x-)?(?:javascript|ndjson|yaml|www-form-urlencoded)\b)/i;
const BINARY = /^(?:image\/(?!svg)|audio\/|video\/|font\/|application\/(?:pdf|zip|gzip|x-tar)\b)/i;

/** A body as text of at most `maxBytes`. A longer body is cut, with a marker that gives its size. Bytes are described. */
export function bodyTextOf(response: HttpResponse, maxBytes: number): string {
  const contentType = response.headers['content-type'] ?? '';
  const { bytes, size } = unpacked(response, maxBytes);
  if (bytes.length === 0) return '';
  const whole = !size.atLeast && size.bytes === bytes.length;
  const text = isText(bytes, contentType, whole) ? decoded(bytes, contentType, whole) : undefined;
  const total = `${size.atLeast ? 'at least ' : ''}${size.bytes} bytes`;
  if (text === undefined) return `[binary: ${total}${contentType === '' ? '' : `, ${contentType}`}]`;
  if (whole && (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes)) return text;
  const marker = `\n[cut: the whole body has ${total}]`;
  return cutToBytes(text, Math.max(0, maxBytes - Buffer.byteLength(marker))) + marker;
}

function isText(bytes: Buffer, contentType: string, whole: boolean): boolean {
  if (TEXT.test(contentType)) return true;
  if (BINARY.test(contentType)) return false;
  if (markedEncoding(bytes) !== undefined) return true;
  return !bytes.includes(0) && isUtf8(whole ? bytes : endingWhole(bytes));
}

/** The text in the charset of the content type. */
function decoded(bytes: Buffer, contentType: string, whole: boolean): string {
  const charset = /charset="?([\w:.-]+)/i.exec(contentType)?.[1];
  const complete =
    whole || charset !== undefined || markedEncoding(bytes) !== undefined ? bytes : endingWhole(bytes);
  return decodeText(complete, charset);
}

/** The bytes without a UTF-8 character that the cut left unfinished. */
function endingWhole(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return back < length ? bytes.subarray(0, bytes.length - back) : bytes;
    }
    if (byte < 0x80) return bytes;
  }
  return bytes;
}

function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  return bytes.length <= maxBytes ? text : endingWhole(bytes.subarray(0, maxBytes)).toString('utf8');
}

/** Undoes a content coding that was not asked for. A body that cannot be decoded stays as it is. */
function unpacked(response: HttpResponse, maxBytes: number): Pick<HttpResponse, 'bytes' | 'size'> {
  const coding = response.headers['content-encoding'];
  if (coding === undefined || coding === 'identity' || response.size.bytes !== response.bytes.length)
    return response;
  const undo = { gzip: gunzipSync, 'x-gzip': gunzipSync, deflate: inflateSync, br: brotliDecompressSync }[
    coding
  ];
  try {
    const bytes = undo?.(response.bytes, { maxOutputLength: 16 * maxBytes });
    return bytes === undefined
      ? response
      : { bytes: bytes.subarray(0, maxBytes), size: { bytes: bytes.length, atLeast: false } };
  } catch {
    return response; // The header is wrong about the coding: the bytes are used as they are.
  }
}
