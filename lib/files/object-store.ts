import type { Readable } from 'node:stream';
import { AppError } from '../errors.ts';

/** An object that was stored. */
export interface StoredObject {
  key: string;
  bytes: number;
  /** Hexadecimal. */
  md5: string;
  /** Its first bytes, at most 64 KiB, which show its type. */
  head: Buffer;
}

/** The size of an object, in bytes. */
export type StoredSize = Pick<StoredObject, 'bytes'>;

/** The right of a signed URL: a method on a key for some seconds, at an origin of this server (`https://agent.example`). */
export interface UrlGrant {
  method: 'GET' | 'PUT';
  key: string;
  seconds: number;
  origin: string;
  /** The bytes of the body that a PUT must have. A store that sees the body itself ignores it. */
  bytes?: number | undefined;
}

/**
 * A store of bytes. It knows nothing about files, users or rights.
 *
 * Contract:
 * - The store makes a key, or the caller chooses a name: segments of letters, digits and `. _ -` with
 *   slashes between them, at least one (`avatars/7.jpg`); other names are `invalid_request`.
 * - Everything streams: neither `write` nor `read` holds more than a few chunks in memory.
 * - The whole object exists or nothing of it, also after a crash. It never changes; an object with a name may be replaced as a whole.
 * - A signed URL allows its method on its key, until it expires, without any other credential.
 * - Rejects with an AppError for a fault of the caller (`too_large`), with any other error for a fault of the store.
 */
export interface ObjectStore {
  /** Stores a source under a new key or under `name`. Nothing is left when the source fails or has more than `maxBytes`. */
  write(source: Readable, maxBytes: number, name?: string): Promise<StoredObject>;
  /** Opens an object; rejects with `not_found`. The caller destroys the stream. */
  read(key: string): Promise<Readable>;
  /**
   * Checks an object that a client may have sent to the store itself. Rejects with `not_found`, and with `too_large` for more than
   * `maxBytes`; such an object is removed.
   */
  admit(key: string, maxBytes: number): Promise<StoredSize>;
  /** Removes an object; an unknown key is no error. */
  remove(key: string): Promise<void>;
  /** Removes all objects whose names begin with these segments. */
  removeUnder(prefix: string): Promise<void>;
  /** The keys of objects without a name that were stored before `before` (ms since the epoch), in no order. */
  list(before: number): AsyncIterable<string>;
  /** Removes writes that began before `before` and never finished. */
  tidy(before: number): Promise<void>;
  /** A signed URL. */
  sign(grant: UrlGrant): Promise<string>;
  /**
   * The key of an address inside this store, with or without the query of its signature: clients send the URLs that they got
   * back in both ways. `origin` is how the client names this server. Undefined for any other text. A key gives no right: the
   * caller checks the owner.
   */
  keyOf(url: string, origin: string): string | undefined;
  close(): void;
}

/** So many of the first bytes of an object show its type. */
export const HEAD_MAX_BYTES = 64 * 1024;

/** Throws `too_large` for an object of more than `maxBytes`. */
export function checkObjectSize(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new AppError('too_large', `The content is larger than ${maxBytes} bytes.`);
}

/** Throws `invalid_request` for a text that cannot be the name of an object. */
export function checkObjectName(name: string): void {
  if (name.length > 512 || !/^[\w.-]+(\/[\w.-]+)+$/.test(name) || /(^|\/)\.{1,2}(\/|$)/.test(name))
    throw new AppError('invalid_request', 'An object name has letters, digits and the signs / . _ - only.');
}

/** Whether a key is a chosen name. */
export function isName(key: string): boolean {
  return key.includes('/');
}
