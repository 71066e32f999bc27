/*
 * Kysely asks a dialect for a driver, and the driver for connections. These classes stand between Kysely and the driver
 * of an engine, and do one thing: an error of the engine becomes an AppError (failures.ts). So no other part of the
 * server knows the error names of an engine.
 */

import type {
  CompiledQuery,
  DatabaseConnection,
  Dialect,
  Driver,
  Kysely,
  QueryResult,
  TransactionSettings,
} from 'kysely';
import { AppError } from '../errors.ts';
import type { Engine, EngineFault } from './engine.ts';
import { databaseFailureOf, DiskFull } from './failures.ts';

/** The one place where an error of a driver becomes an AppError: everything that asks the database goes through here. */
export class CheckedDialect implements Dialect {
  readonly #dialect: Dialect;
  readonly #driver: CheckedDriver;

  /** `onError` receives the first failure of each time in which the disk is full. */
  constructor(dialect: Dialect, engine: Pick<Engine, 'faultOf'>, onError: (error: unknown) => void) {
    this.#dialect = dialect;
    this.#driver = new CheckedDriver(dialect.createDriver(), new Failures(engine, onError));
  }

  /** Whether the last write found the disk full. */
  get isFull(): boolean {
    return this.#driver.failures.isFull;
  }

  /** One driver for all: `close` must end the same connections that Kysely uses. */
  createDriver(): Driver {
    return this.#driver;
  }

  createQueryCompiler(): ReturnType<Dialect['createQueryCompiler']> {
    return this.#dialect.createQueryCompiler();
  }

  createAdapter(): ReturnType<Dialect['createAdapter']> {
    return this.#dialect.createAdapter();
  }

  createIntrospector(db: Kysely<unknown>): ReturnType<Dialect['createIntrospector']> {
    return this.#dialect.createIntrospector(db);
  }

  /** Closes the connections; every later query rejects with `unavailable`. Kysely's own `destroy` rejects with a bare Error. */
  close(): Promise<void> {
    return this.#driver.close();
  }
}

/** Makes AppErrors of an engine's errors, and notices when the disk is full. */
class Failures {
  readonly #engine: Pick<Engine, 'faultOf'>;
  readonly #onError: (error: unknown) => void;
  #isFull = false;

  constructor(engine: Pick<Engine, 'faultOf'>, onError: (error: unknown) => void) {
    this.#engine = engine;
    this.#onError = onError;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  of(error: unknown): AppError {
    const failure = databaseFailureOf(error, this.#engine);
    if (failure instanceof DiskFull && !this.#isFull) {
      this.#isFull = true;
      this.#onError(failure);
    }
    return failure;
  }

  isFault(error: unknown, kind: EngineFault['kind']): boolean {
    return this.#engine.faultOf(error)?.kind === kind;
  }

  /** A transaction was committed: when the disk was full, it has space again. */
  committed(): void {
    this.#isFull = false;
  }
}

/** The driver of an engine; every error that leaves it is an AppError. */
class CheckedDriver implements Driver {
  readonly failures: Failures;
  readonly #driver: Driver;
  #closing: Promise<void> | undefined;

  constructor(driver: Driver, failures: Failures) {
    this.#driver = driver;
    this.failures = failures;
  }

  init(): Promise<void> {
    return this.#check(() => this.#driver.init());
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    // It becomes `unavailable`, as the contract of `Database` wants it.
    if (this.#closing) throw this.failures.of(new Error('The database is closed.'));
    const connection = await this.#check(() => this.#driver.acquireConnection());
    return new CheckedConnection(connection, this.failures);
  }

  beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    return this.#check(() => this.#driver.beginTransaction(plain(connection), settings));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#check(() => this.#driver.commitTransaction(plain(connection)));
    this.failures.committed();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await this.#driver.rollbackTransaction(plain(connection));
    } catch (error) {
      // SQLite itself ends a transaction whose write found the disk full: there is none to roll back then
      // [SQLite lang_transaction 3]. The error of that write is the one to report.
      if (this.failures.isFault(error, 'wrong')) return;
      throw this.failures.of(error);
    }
  }

  releaseConnection(connection: DatabaseConnection): Promise<void> {
    return this.#check(() => this.#driver.releaseConnection(plain(connection)));
  }

  destroy(): Promise<void> {
    return this.close();
  }

  close(): Promise<void> {
    // Once: `pg` refuses to end a pool for a second time.
    this.#closing ??= this.#driver.destroy();
    return this.#closing;
  }

  async #check<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.failures.of(error);
    }
  }
}

/** A connection of an engine; every error of a query is an AppError. */
class CheckedConnection implements DatabaseConnection {
  readonly plain: DatabaseConnection;
  readonly #failures: Failures;

  constructor(connection: DatabaseConnection, failures: Failures) {
    this.plain = connection;
    this.#failures = failures;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    try {
      return await this.plain.executeQuery<Row>(query);
    } catch (error) {
      throw this.#failures.of(error);
    }
  }

  streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new AppError('internal', 'The store reads pages, it does not stream queries.');
  }
}

/** The connection as its own driver knows it. */
function plain(connection: DatabaseConnection): DatabaseConnection {
  return connection instanceof CheckedConnection ? connection.plain : connection;
}
