import { LRUCache } from 'lru-cache';

/** A value on loan. The borrower calls `release` once, when it needs the value no longer. */
interface Loan<T> {
  value: T;
  release(): void;
}

interface LoanCacheOptions<T> {
  /** The cache keeps at most this many values that nobody has borrowed. */
  idleMaxCount: number;
  /** The sizes of the values that nobody has borrowed are at most this together. */
  idleMaxBytes: number;
  /** False for a value that leaves the cache as soon as the last borrower releases it. */
  mayIdle(value: T): boolean;
  /** Called once for each value that leaves the cache. */
  drop(value: T): void;
}

interface Entry<T> {
  key: string;
  value: T;
  bytes: number;
  users: number;
}

/**
 * Values by key that are made once and lent to many. Callers that ask for one key at the same time share one making. A
 * failed making is not kept. A value that nobody has borrowed is evicted when it is the least recently used one.
 */
export class LoanCache<T> {
  readonly #options: LoanCacheOptions<T>;
  readonly #entries = new Map<string, Promise<Entry<T>>>();
  /** The entries that nobody has borrowed. A borrowed entry must never be evicted, so it is not in here. */
  readonly #idle: LRUCache<string, Entry<T>>;
  #closed = false;

  constructor(options: LoanCacheOptions<T>) {
    this.#options = options;
    this.#idle = new LRUCache({
      max: Math.max(1, options.idleMaxCount),
      maxSize: Math.max(1, options.idleMaxBytes),
      sizeCalculation: ({ bytes }) => Math.max(1, bytes),
      dispose: (entry, _key, reason) => {
        if (reason === 'evict') this.#remove(entry);
      },
    });
  }

  /** Lends the value of a key; `make` is called when the cache has none. Rejects with the error of `make`. */
  async borrow(key: string, make: () => Promise<{ value: T; bytes: number }>): Promise<Loan<T>> {
    let made = this.#entries.get(key);
    if (made === undefined) {
      made = make().then((fresh) => ({ key, users: 0, ...fresh }));
      this.#entries.set(key, made);
      made.catch(() => this.#entries.delete(key));
    }
    return this.#lend(await made);
  }

  /** Drops all values that nobody has borrowed, and from now on each other value when it is released. */
  close(): void {
    this.#closed = true;
    for (const entry of this.#idle.values()) this.#remove(entry);
    this.#idle.clear();
  }

  /** Counts a borrower. The entry cannot be evicted until the last borrower released it. */
  #lend(entry: Entry<T>): Loan<T> {
    this.#idle.delete(entry.key);
    entry.users++;
    let lent = true;
    return {
      value: entry.value,
      release: () => {
        if (!lent) return;
        lent = false;
        if (--entry.users === 0) this.#keepIdle(entry);
      },
    };
  }

  /** Keeps a value that nobody uses, or drops it when it may not stay. */
  #keepIdle(entry: Entry<T>): void {
    const { idleMaxCount, idleMaxBytes, mayIdle } = this.#options;
    const fits = idleMaxCount > 0 && entry.bytes <= idleMaxBytes;
    if (this.#closed || !fits || !mayIdle(entry.value)) this.#remove(entry);
    else this.#idle.set(entry.key, entry);
  }

  #remove(entry: Entry<T>): void {
    this.#entries.delete(entry.key);
    this.#options.drop(entry.value);
  }
}
