import type { CreateTableBuilder, Dialect, Kysely, SelectQueryBuilder } from 'kysely';
import type { Life } from './life.ts';
import type { Schema } from './schema.ts';

/** How a database is opened. */
export interface EngineOptions {
  /** The whole DATABASE_URL. */
  url: string;
  /** How much an embedded database waits for the disk at a commit. */
  synchronous: 'normal' | 'full';
  /** True: a statement may take any time, as a change of the schema does. False: a slow statement rejects. */
  unlimited: boolean;
  /** Receives errors of connections that nobody uses at that moment. */
  onError(error: unknown): void;
}

/**
 * What an error of the driver means to the callers of the database. `taken`: a unique column has this value already.
 * `unstorable`: a text has a character that the database cannot store. `wrong`: the statement is wrong, which is a fault of
 * this server. `full`: the disk of the database is full.
 */
export type EngineFault =
  | { kind: 'taken'; column: string }
  | { kind: 'unstorable' }
  | { kind: 'wrong' }
  | { kind: 'full' };

/** How rows are locked by reading them; both need a transaction. */
export interface RowLocks {
  /** The rows cannot change until the transaction ends. */
  share<DB, Table extends keyof DB, Row>(
    query: SelectQueryBuilder<DB, Table, Row>,
  ): SelectQueryBuilder<DB, Table, Row>;
  /** The rows belong to this transaction; a row that another transaction has locked is left out. */
  takeFree<DB, Table extends keyof DB, Row>(
    query: SelectQueryBuilder<DB, Table, Row>,
  ): SelectQueryBuilder<DB, Table, Row>;
}

/** The parts of the schema that each engine writes in its own way. */
export interface TableStyle {
  /** A new table whose `id` is a rising integer, none used twice. */
  numbered(db: Kysely<unknown>, table: string): CreateTableBuilder<string, 'id'>;
  /** Statements after which the database refuses to change or remove a row of the table. */
  appendOnly(table: string): readonly string[];
}

/** How processes on one database wake each other; only ids are sent. */
export interface Wakeups {
  /** Tells the other processes, soon, that `node` has written to these sessions. A lost call is found by polling. */
  notify(node: string, sessions: readonly string[]): void;
  /** Calls `hear` with each session that was written to, and the node that wrote. */
  listen(hear: (session: string, node: string) => void): void;
  close(): Promise<void>;
}

/** The right of one server to work on a database; it is free again when the process ends. */
export interface ServerLock {
  close(): Promise<void>;
}

/**
 * A database engine: everything that is special about it. A new engine is one object of this shape and a line in
 * engines.ts.
 *
 * Contract: loading the object loads no package of the engine; opening does.
 */
export interface Engine {
  /** For people. */
  readonly name: string;
  /** The schemes of the URLs that it opens, without the colon. */
  readonly schemes: readonly string[];
  /** Whether several processes may work on one database at the same time. */
  readonly shared: boolean;
  readonly locks: RowLocks;
  readonly tables: TableStyle;
  /** The Kysely dialect of the database behind a URL. Throws or rejects when the database cannot be opened. */
  openDialect(options: EngineOptions): Promise<Dialect>;
  /** The meaning of an error of the driver; undefined: the database failed. */
  faultOf(error: unknown): EngineFault | undefined;
  /** The lease under which this process owns sessions; it lasts `leaseMs` after each renewal. */
  beginLife(db: Kysely<Schema>, leaseMs: number): Promise<Life>;
  /**
   * Takes the database for this server, where an engine allows one server only; undefined where several may share it. Rejects
   * with `invalid_request` when another server has it, and the message names that server.
   */
  openServerLock(url: string): Promise<ServerLock | undefined>;
  /** Writes a whole copy of a database in use into a new file, as of one moment. Rejects with an AppError. */
  copyTo(url: string, file: string): Promise<void>;
  /** Puts a copy into an empty database. Rejects with `invalid_request` when it is not empty. */
  restoreFrom(url: string, file: string): Promise<void>;
  /** The way to wake other processes; undefined: there are no others. */
  openWakeups(url: string, onError: (error: unknown) => void): Promise<Wakeups | undefined>;
}
