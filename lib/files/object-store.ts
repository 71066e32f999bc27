import type { Readable } from 'node:stream';

/** What was stored. */
export interface StoredObject {
  key: string;
  bytes: number;
  /** Hexadecimal. */
  md5: string;
  /** Its first bytes, at most 64 KiB, by which its type is told. */
  head: Buffer;
}

/**
 * Where bytes lie. Knows nothing of files, users or names.
 *
 * Contract:
 * - Everything streams: neither `write` nor `read` holds more than a few chunks in memory.
 * - An object is there as a whole or not at all, also after a crash; it never changes.
 * - Rejects with an AppError where the caller is at fault (`too_large`), with anything else where the store is.
 */
export interface ObjectStore {
  /** Stores what comes under a new key; nothing is left of it when the source fails or is larger than `maxBytes`. */
  write(source: Readable, maxBytes: number): Promise<StoredObject>;
  /** Opens an object; rejects with `not_found`. Whoever gets the stream destroys it. */
  read(key: string): Promise<Readable>;
  /** Nothing happens when it is gone already. */
  remove(key: string): Promise<void>;
  /** Objects that were stored before `before` (ms since the epoch), in no order. */
  list(before: number): AsyncIterable<string>;
  /** Takes away what was begun before `before` and never finished. */
  tidy(before: number): Promise<void>;
}
