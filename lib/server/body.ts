import type { IncomingMessage, ServerResponse } from 'node:http';
import { jsonFaultAt } from '../common/json-fault.ts';
import { hasBigint, inexactNumbers, mapBigints, parseExactly } from '../common/exact-numbers.ts';
import { isObject, type JsonValue } from '../common/json.ts';
import { MAY_HAVE_PROTO, parseJsonInSlices, parseWithoutProto } from '../common/json-slices.ts';
import { JsonLimitError } from '../common/json-scanner.ts';
import { LongText } from '../common/long-text.ts';
import { AppError } from '../errors.ts';
import type { BodyShare } from './body-room.ts';
import type { ExactFields } from './mount.ts';

/** How long a body may take, where no setting says it, in ms. */
const BODY_TIMEOUT_MS = 15_000;
/** A body gets a millisecond more for each 16 bytes. */
const SLOWEST_BYTES_PER_MS = 16;
const LOOK_EVERY_MS = 500;

/** How a body is read. */
export interface BodyOptions {
  maxBytes: number;
  /** A body of any type counts as JSON, and a missing one is an empty object. */
  isLenient?: boolean | undefined;
  timeoutMs?: number;
  /**
   * Whole numbers in fields with these names are bigints where a JavaScript number cannot hold them. Without names all such numbers
   * are: the reader of the schema rounds those of named fields.
   */
  exactFields?: ExactFields | undefined;
  /** See `Route.fieldsInPieces`. */
  fieldsInPieces?: readonly string[] | undefined;
  /** The room of the body in memory. */
  share?: BodyShare;
}

/** A body as a JSON value. The search for bigints in a large one would hold the event loop. */
export interface JsonBody {
  value: unknown;
  hasBigints: boolean;
}

/**
 * The body of a request as JSON. Pieces are decoded as they come, so that a body of 64 MiB is in memory once. Throws
 * `unsupported_media_type`, `too_large` (before it reads, when the length is known), or `invalid_request` with the place
 * of the fault. A body without a Content-Type counts as JSON. Throws `request_timeout` for a body that takes longer than `timeoutMs`
 * and a millisecond for each 16 bytes.
 */
export async function readJson(
  request: IncomingMessage,
  response: ServerResponse,
  {
    maxBytes,
    isLenient = false,
    timeoutMs = BODY_TIMEOUT_MS,
    exactFields,
    fieldsInPieces,
    share,
  }: BodyOptions,
): Promise<JsonBody> {
  const { 'content-type': type, 'content-encoding': encoding, 'content-length': length } = request.headers;
  if (!isLenient && type !== undefined && !/^application\/([\w.+-]+\+)?json *(;|$)/i.test(type))
    throw new AppError('unsupported_media_type', `The body must be application/json, not ${clean(type)}.`);
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    throw new AppError('unsupported_media_type', 'The body must come without a Content-Encoding.');
  if (Number(length) > maxBytes) throw tooLarge(maxBytes);
  if (request.headers.expect !== undefined) response.writeContinue();
  const pieces = await readText(request, { maxBytes, timeoutMs, share });
  const isLarge = pieces.length > ONE_GO_MAX_LENGTH;
  if (exactFields !== undefined && !(isLarge && exactFields === 'unnamed if small')) {
    const text = pieces.toString();
    if (inexactNumbers(text).length > 0)
      return { value: parseExactFields(text, exactFields), hasBigints: true };
  }
  if (isLarge)
    return { value: await parseLargeText(pieces, { inPieces: fieldsInPieces, share }), hasBigints: false };
  const text = pieces.toString();
  return { value: isLenient && text.trim() === '' ? {} : parseJsonText(text), hasBigints: false };
}

/** The memory of a list or an object. Its text may have two bytes, so that a body could take twenty times its own room. */
const CONTAINER_BYTES = 64;
/** A longer text is parsed in slices. */
const ONE_GO_MAX_LENGTH = 256 * 1024;
/** The search for the place of a fault in a longer text would hold the event loop. */
const PLACE_MAX_LENGTH = 1024 * 1024;

/** A large JSON text, parsed with pauses for other work. */
async function parseLargeText(
  text: LongText,
  { inPieces, share }: { inPieces: readonly string[] | undefined; share: BodyShare | undefined },
): Promise<unknown> {
  try {
    return await parseJsonInSlices(text, {
      dropsProto: true,
      limitsMembers: true,
      ...(inPieces && { inPieces }),
      onContainers: (count) => share?.take(count * CONTAINER_BYTES),
    });
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (cause instanceof JsonLimitError)
      throw new AppError('invalid_request', `The body cannot be read: ${cause.message}`, { cause });
    const place =
      text.length > PLACE_MAX_LENGTH ? 'it is too large for the place to be found' : placeOf(text.toString());
    throw new AppError('invalid_request', `Not JSON: ${place}.`, { cause });
  }
}

function readText(
  request: IncomingMessage,
  { maxBytes, timeoutMs, share }: { maxBytes: number; timeoutMs: number; share?: BodyShare | undefined },
): Promise<LongText> {
  return new Promise((resolve, reject) => {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    const text = new LongText();
    let size = 0;
    const began = performance.now();
    const look = setInterval(() => {
      if (performance.now() - began < timeoutMs + size / SLOWEST_BYTES_PER_MS) return;
      fail(new AppError('request_timeout', 'The body took too long to arrive.'));
    }, LOOK_EVERY_MS).unref();
    // After a fault the rest is read and dropped: a client that is still sending reads no answer.
    const fail = (error: AppError) => {
      clearInterval(look);
      request.removeAllListeners('data').resume();
      reject(error);
    };
    const decode = (bytes?: Buffer) => {
      try {
        text.push(decoder.decode(bytes, { stream: bytes !== undefined }));
        return true;
      } catch {
        fail(new AppError('invalid_request', 'The body is not UTF-8.'));
        return false;
      }
    };
    request
      .on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) return fail(tooLarge(maxBytes));
        try {
          share?.take(chunk.length);
        } catch (error) {
          return fail(error as AppError);
        }
        decode(chunk);
      })
      .once('end', () => {
        clearInterval(look);
        if (decode()) resolve(text);
      })
      .once('error', (cause) => fail(new AppError('invalid_request', 'The body broke off.', { cause })))
      .once('close', () => {
        // Every request is closed in the end, and an error costs a stack.
        if (!request.complete) fail(new AppError('invalid_request', 'The body broke off.'));
      });
  });
}

/**
 * The fields of a form [WHATWG URL 5.1]; the last of several with one name. Throws `unsupported_media_type` for another body, and
 * `too_large`.
 */
export async function readForm(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
): Promise<Record<string, string>> {
  const { 'content-type': type, 'content-length': length } = request.headers;
  if (!/^application\/x-www-form-urlencoded *(;|$)/i.test(type ?? ''))
    throw new AppError('unsupported_media_type', 'The body must be application/x-www-form-urlencoded.');
  if (Number(length) > maxBytes) throw tooLarge(maxBytes);
  if (request.headers.expect !== undefined) response.writeContinue();
  const text = await readText(request, { maxBytes, timeoutMs: BODY_TIMEOUT_MS });
  return Object.fromEntries(new URLSearchParams(text.toString()));
}

/**
 * A JSON text with exact numbers in some fields. Numbers of other fields are rounded as everywhere. Throws `invalid_request` where the digits would
 * be lost: in a large text, beside a key that is left out, and for a number past the range.
 */
function parseExactFields(text: string, fields: ExactFields): unknown {
  const isPlain = text.length <= ONE_GO_MAX_LENGTH && !MAY_HAVE_PROTO.test(text);
  const exact = isPlain ? parseExactly(text) : undefined;
  if (exact !== undefined) return typeof fields === 'string' ? exact : withRounded(exact, fields);
  parseJsonText(text); // a fault in the text is the fault
  const [number] = inexactNumbers(text);
  throw new AppError(
    'invalid_request',
    `The body has a number that cannot be read exactly, ${number?.slice(0, 100)}: give it as a text.`,
  );
}

/** The value with its bigints as numbers, except in fields with these names. */
function withRounded(value: JsonValue, names: readonly string[]): JsonValue {
  if (!hasBigint(value)) return value;
  if (Array.isArray(value)) return value.map((item) => withRounded(item, names));
  if (!isObject(value)) return mapBigints(value, Number);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      inner === undefined || names.includes(key) ? inner : withRounded(inner, names),
    ]),
  );
}

/** A JSON text as a value, without any `__proto__` keys. Throws `invalid_request` with the place of the fault. */
export function parseJsonText(text: string): unknown {
  try {
    return parseWithoutProto(text);
  } catch (cause) {
    throw new AppError('invalid_request', `Not JSON: ${placeOf(text)}.`, { cause });
  }
}

/** The fault and its place, as editors show it: by position, line and column. */
function placeOf(text: string): string {
  if (text.trim() === '') return 'the text is empty';
  const position = jsonFaultAt(text);
  if (position === undefined) return 'the text is nested too deeply';
  const before = text.slice(0, position);
  const line = before.split('\n').length;
  const column = position - before.lastIndexOf('\n');
  const char = String.fromCodePoint(text.codePointAt(position) ?? 0);
  const fault = position < text.length ? `unexpected ${JSON.stringify(char)}` : 'the text ends too early';
  return `${fault} at position ${position} (line ${line}, column ${column})`;
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('too_large', `The body is larger than ${maxBytes} bytes.`);
}

/** A header's value, short and printable, for a message. */
function clean(text: string): string {
  return text.slice(0, 100).replaceAll(/[^\x20-\x7e]/g, '?');
}
