import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createDeflateRaw, createInflateRaw } from 'node:zlib';
import { inexactNumbers, parseExactly } from '../common/exact-numbers.ts';
import { parseJsonInSlices } from '../common/json-slices.ts';
import { LongText } from '../common/long-text.ts';
import { createPauses } from '../common/pauses.ts';
import { jsonSlicesOf } from '../common/write-json-slices.ts';
import { AppError } from '../errors.ts';

/** Seals texts before they are stored: AES-256-GCM [NIST SP 800-38D] under a key derived from the server's secret [RFC 5869]. */
export interface Vault {
  /** The text as it may be stored; the same text gives another result each time. */
  seal(text: string): string;
  /** Throws an AppError `internal` when the text was sealed under another secret or was changed. */
  open(sealed: string): string;
  /**
   * A JSON value as it may be stored, and the length of its JSON text. A large one is deflated, and does not hold the event loop. Rejects
   * with `too_large` for one that takes more than 4 MiB when it is deflated.
   */
  sealValue(value: unknown): Promise<{ sealed: string; length: number }>;
  /** The value of `sealValue`, and the length of its JSON text; rejects as `open` throws. Whole numbers that a JavaScript number cannot hold are bigints. */
  openValue(sealed: string): Promise<{ value: unknown; length: number }>;
}

/** In front of every sealed text, so that another cipher can be told apart. */
const VERSION = 'v1.';
/** In front of every value that was deflated [RFC 1951] before it was sealed. */
const DEFLATED = 'v2.';
/** The recommended length of a nonce [NIST SP 800-38D 5.2.1.1]. */
const NONCE_BYTES = 12;
/** The longest tag [NIST SP 800-38D 5.2.1.2]. */
const TAG_BYTES = 16;
/** Bytes that become base64, or the other way round, in one go: whole groups of it [RFC 4648 4]. */
const SLICE_BYTES = 3 * 64 * 1024;
/** Real documents of 50 MB take so much when they are deflated. The database writes a value in one go, which holds the event loop. */
const DEFLATED_MAX_BYTES = 4 * 1024 * 1024;
/** Numbers of a longer value are rounded as everywhere: the search for exact ones would hold the event loop. */
const EXACT_MAX_LENGTH = 256 * 1024;

/** A vault whose key is derived from `secret`. */
export function createVault(secret: string): Vault {
  return new KeyedVault(Buffer.from(hkdfSync('sha256', secret, '', 'lite-agent vault 1', 32)));
}

class KeyedVault implements Vault {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  seal(text: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    // The nonce, the ciphertext and the tag, in this order; `open` cuts them apart by their lengths.
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${VERSION}${sealed.toString('base64')}`;
  }

  open(sealed: string): string {
    try {
      const bytes = Buffer.from(sealed.slice(VERSION.length), 'base64');
      const decipher = this.#decipher(bytes.subarray(0, NONCE_BYTES), bytes.subarray(-TAG_BYTES));
      return (
        decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
      );
    } catch (error) {
      throw otherSecret(error);
    }
  }

  async sealValue(value: unknown): Promise<{ sealed: string; length: number }> {
    const slices = await jsonSlicesOf(value);
    const length = slices.reduce((sum, slice) => sum + slice.length, 0);
    // A value of one slice is short enough to be sealed in one go.
    if (slices.length <= 1) return { sealed: this.seal(slices.join('')), length };
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    const pieces: Buffer[] = [];
    let size = 0;
    const keep = (piece: Buffer): void => {
      // Counted piece by piece: a value that is too large ends the work early.
      size += piece.length;
      if (size > DEFLATED_MAX_BYTES) throw new Error('The value is too large.');
      pieces.push(piece);
    };
    await through(slices, [createDeflateRaw(), cipher], keep).catch((error: unknown) => {
      throw size > DEFLATED_MAX_BYTES ? tooLarge(length) : error; // a pipeline that ends early says only that
    });
    // The tag exists only when the cipher has had its last byte.
    const bytes = Buffer.concat([nonce, ...pieces, cipher.getAuthTag()]);
    const pause = createPauses();
    let sealed = DEFLATED;
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      sealed += bytes.toString('base64', at, Math.min(at + SLICE_BYTES, bytes.length));
      await pause();
    }
    return { sealed, length };
  }

  async openValue(sealed: string): Promise<{ value: unknown; length: number }> {
    const text = sealed.startsWith(DEFLATED)
      ? await this.#inflated(sealed)
      : LongText.of([this.open(sealed)]);
    // Most values have no large whole number, and are parsed in slices.
    return { value: exactValueOf(text) ?? (await parseJsonInSlices(text)), length: text.length };
  }

  async #inflated(sealed: string): Promise<LongText> {
    const pause = createPauses();
    const slices: Buffer[] = [];
    // Base64 has four characters for three bytes: a piece of so many characters ends where a group ends.
    const groups = (SLICE_BYTES / 3) * 4;
    for (let at = DEFLATED.length; at < sealed.length; at += groups) {
      slices.push(Buffer.from(sealed.slice(at, at + groups), 'base64'));
      await pause();
    }
    const bytes = Buffer.concat(slices);
    try {
      const decipher = this.#decipher(bytes.subarray(0, NONCE_BYTES), bytes.subarray(-TAG_BYTES));
      // It keeps the rest of a character that a piece cuts in two.
      const decoder = new TextDecoder();
      const text = new LongText();
      await through(
        piecesOf(bytes.subarray(NONCE_BYTES, -TAG_BYTES)),
        [decipher, createInflateRaw({ chunkSize: SLICE_BYTES })],
        (piece) => text.push(decoder.decode(piece, { stream: true })),
      );
      return text;
    } catch (error) {
      throw otherSecret(error);
    }
  }

  #decipher(nonce: Buffer, tag: Buffer) {
    return createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG_BYTES }).setAuthTag(tag);
  }
}

/** A value with each digit of its whole numbers; undefined for one that holds no such number, and for a large one. */
function exactValueOf(text: LongText): unknown {
  if (text.length > EXACT_MAX_LENGTH) return undefined;
  const whole = text.toString();
  return inexactNumbers(whole).length > 0 ? parseExactly(whole) : undefined;
}

/** Gives the output of two steps that follow each other, piece by piece. The steps let other work run in between. */
async function through(
  input: Iterable<string | Buffer>,
  [first, second]: readonly [Transform, Transform],
  take: (piece: Buffer) => void,
): Promise<void> {
  const pause = createPauses();
  await pipeline(Readable.from(input), first, second, async (output: AsyncIterable<Buffer>) => {
    for await (const piece of output) {
      take(piece);
      await pause();
    }
  });
}

/** Bytes in pieces that do not hold the event loop for long. */
function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) yield bytes.subarray(at, at + SLICE_BYTES);
}

function tooLarge(length: number): AppError {
  return new AppError(
    'too_large',
    `The configuration has ${length} characters that take more than ${DEFLATED_MAX_BYTES} bytes when they are compressed. Leave out what no call needs, or give its documents to several sessions or devices.`,
  );
}

function otherSecret(cause: unknown): AppError {
  return new AppError('internal', 'A stored configuration was sealed under another SECRET_KEY.', { cause });
}
