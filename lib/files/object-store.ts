import type { Readable } from 'node:stream';
import { AppError } from '../errors.ts';

/** What was stored. */
export interface StoredObject {
  key: string;
  bytes: number;
  /** Hexadecimal. */
  md5: string;
  /** Its first bytes, at most 64 KiB, by which its type is told. */
  head: Buffer;
}

/** What a signed URL allows, for how long, and under which name of this server (`https://agent.example`). */
export interface UrlGrant {
  method: 'GET' | 'PUT';
  key: string;
  seconds: number;
  origin: string;
}

/**
 * Where bytes lie. Knows nothing of files, users or rights.
 *
 * Contract:
 * - A key is made up by the store, or is a name that the caller has chosen: segments of letters, digits and `. _ -` with
 *   slashes between them, at least one (`avatars/7.jpg`); other names are `invalid_request`.
 * - Everything streams: neither `write` nor `read` holds more than a few chunks in memory.
 * - An object is there as a whole or not at all, also after a crash. It never changes; one with a name may be replaced as a whole.
 * - A signed URL is good for its method and key alone, until its time is over, without any other credential.
 * - Rejects with an AppError where the caller is at fault (`too_large`), with anything else where the store is.
 */
export interface ObjectStore {
  /** Stores what comes under a new key or under `name`; nothing is left of it when the source fails or is larger than `maxBytes`. */
  write(source: Readable, maxBytes: number, name?: string): Promise<StoredObject>;
  /** Opens an object; rejects with `not_found`. Whoever gets the stream destroys it. */
  read(key: string): Promise<Readable>;
  /** Nothing happens when it is gone already. */
  remove(key: string): Promise<void>;
  /** All objects whose names begin with these segments. */
  removeUnder(prefix: string): Promise<void>;
  /** Objects under made-up keys that were stored before `before` (ms since the epoch), in no order. */
  list(before: number): AsyncIterable<string>;
  /** Takes away what was begun before `before` and never finished. */
  tidy(before: number): Promise<void>;
  sign(grant: UrlGrant): Promise<string>;
  /** The key of a URL that this store has signed, however long ago; undefined for any other text. */
  keyOf(url: string): string | undefined;
  close(): void;
}

/** What of an object's beginning tells its type. */
export const HEAD_MAX_BYTES = 64 * 1024;

/** Throws `invalid_request` for a text that is no name of an object. */
export function checkObjectName(name: string): void {
  if (name.length > 512 || !/^[\w.-]+(\/[\w.-]+)+$/.test(name) || /(^|\/)\.{1,2}(\/|$)/.test(name))
    throw new AppError('invalid_request', 'An object name has letters, digits and the signs / . _ - only.');
}

/** Whether a key is a name that somebody has chosen. */
export function isName(key: string): boolean {
  return key.includes('/');
}
