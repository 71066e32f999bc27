/** A value on loan: give it back once. */
export interface Loan<T> {
  value: T;
  release(): void;
}

export interface CacheOptions<T> {
  /** What is kept while nobody uses it: at most so many values and so many bytes together. */
  idleMaxCount: number;
  idleMaxBytes: number;
  /** False for what has to go as soon as nobody uses it. */
  mayIdle(value: T): boolean;
  /** Called once for each value that leaves the cache. */
  drop(value: T): void;
}

/**
 * Values by key, counted by use and made once: callers that ask at the same time share one making. A failed making is
 * not kept.
 */
export interface Cache<T> {
  borrow(key: string, make: () => Promise<{ value: T; bytes: number }>): Promise<Loan<T>>;
  /** Drops what is idle, and from now on everything as it is given back. */
  close(): void;
}

interface Entry<T> {
  key: string;
  value: T;
  bytes: number;
  users: number;
}

/** Opens an empty cache. */
export function openCache<T>(options: CacheOptions<T>): Cache<T> {
  const entries = new Map<string, Promise<Entry<T>>>();
  /** Least recently used first. */
  const idle = new Map<string, Entry<T>>();
  let idleBytes = 0;
  let closed = false;

  const remove = (entry: Entry<T>): void => {
    if (idle.delete(entry.key)) idleBytes -= entry.bytes;
    entries.delete(entry.key);
    options.drop(entry.value);
  };
  const rest = (entry: Entry<T>): void => {
    if (closed || entry.bytes > options.idleMaxBytes || !options.mayIdle(entry.value)) {
      remove(entry);
      return;
    }
    idle.set(entry.key, entry);
    idleBytes += entry.bytes;
    for (const oldest of idle.values()) {
      if (idle.size <= options.idleMaxCount && idleBytes <= options.idleMaxBytes) break;
      remove(oldest);
    }
  };
  const lend = (entry: Entry<T>): Loan<T> => {
    if (idle.delete(entry.key)) idleBytes -= entry.bytes;
    entry.users++;
    let lent = true;
    return {
      value: entry.value,
      release() {
        if (!lent) return;
        lent = false;
        if (--entry.users === 0) rest(entry);
      },
    };
  };

  return {
    async borrow(key, make) {
      let made = entries.get(key);
      if (made === undefined) {
        made = make().then((fresh) => ({ key, users: 0, ...fresh }));
        entries.set(key, made);
        made.catch(() => entries.delete(key));
      }
      return lend(await made);
    },
    close() {
      closed = true;
      for (const entry of idle.values()) remove(entry);
    },
  };
}
