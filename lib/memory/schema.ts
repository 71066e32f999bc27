import type { Kysely } from 'kysely';

/** The table of memory, the same on SQLite and PostgreSQL. */
export interface MemoryTables {
  memory: MemoryTable;
}

/** The database, or a transaction on it. */
export type MemoryDb = Kysely<MemoryTables>;

/** The documents, at most one of each kind for an owner. */
interface MemoryTable {
  owner: string;
  kind: 'config' | 'todo';
  /** JSON. */
  body: string;
  /** Raised by every change. */
  version: number;
  /** Ms since the epoch. */
  updated_at: number;
}
