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
import type { Engine } from './engine.ts';
import { databaseFailureOf } from './failures.ts';

/** The one place where an error of a driver becomes an AppError: everything that asks the database goes through here. */
export class CheckedDialect implements Dialect {
  readonly #dialect: Dialect;
  readonly #driver: CheckedDriver;

  constructor(dialect: Dialect, engine: Pick<Engine, 'faultOf'>) {
    this.#dialect = dialect;
    this.#driver = new CheckedDriver(dialect.createDriver(), engine);
  }

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

/** The driver of an engine; every error that leaves it is an AppError. */
class CheckedDriver implements Driver {
  readonly #driver: Driver;
  readonly #engine: Pick<Engine, 'faultOf'>;
  #closing: Promise<void> | undefined;

  constructor(driver: Driver, engine: Pick<Engine, 'faultOf'>) {
    this.#driver = driver;
    this.#engine = engine;
  }

  init(): Promise<void> {
    return this.#check(() => this.#driver.init());
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#closing) throw databaseFailureOf(new Error('The database is closed.'), this.#engine);
    const connection = await this.#check(() => this.#driver.acquireConnection());
    return new CheckedConnection(connection, this.#engine);
  }

  beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    return this.#check(() => this.#driver.beginTransaction(plain(connection), settings));
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#check(() => this.#driver.commitTransaction(plain(connection)));
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#check(() => this.#driver.rollbackTransaction(plain(connection)));
  }

  releaseConnection(connection: DatabaseConnection): Promise<void> {
    return this.#check(() => this.#driver.releaseConnection(plain(connection)));
  }

  destroy(): Promise<void> {
    return this.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#driver.destroy();
    return this.#closing;
  }

  async #check<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw databaseFailureOf(error, this.#engine);
    }
  }
}

/** A connection of an engine; every error of a query is an AppError. */
class CheckedConnection implements DatabaseConnection {
  readonly plain: DatabaseConnection;
  readonly #engine: Pick<Engine, 'faultOf'>;

  constructor(connection: DatabaseConnection, engine: Pick<Engine, 'faultOf'>) {
    this.plain = connection;
    this.#engine = engine;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    try {
      return await this.plain.executeQuery<Row>(query);
    } catch (error) {
      throw databaseFailureOf(error, this.#engine);
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
