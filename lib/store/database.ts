import { Kysely, Migrator } from 'kysely';
import { AppError } from '../errors.ts';
import { CheckedDialect } from './checked-dialect.ts';
import type { Engine, EngineOptions } from './engine.ts';
import { defaultEngines } from './engines.ts';
import { migrationsFor } from './migrations/migrations.ts';
import type { Schema } from './schema.ts';

/**
 * An open, migrated database.
 *
 * Contract: every query rejects with an AppError: `unavailable` when the database fails or is closed, `invalid_request` for
 * a text that cannot be stored, a UniqueViolation (failures.ts) for a value that is taken, `internal` for a wrong statement.
 */
export interface Database {
  readonly engine: Engine;
  /** Whether other processes may work on the same database. */
  readonly shared: boolean;
  /** The DATABASE_URL. */
  readonly url: string;
  readonly db: Kysely<Schema>;
  /** Whether the last write found the disk full. */
  readonly isFull: boolean;
  /** The same connections, typed with the tables of another part of the server. */
  tables<Tables>(): Kysely<Tables>;
  close(): Promise<void>;
}

/** Where a database is, and how it is opened. */
export interface DatabaseSettings {
  /** `sqlite:<file>`, `sqlite::memory:`, `postgres://…`, or a URL of another engine of the table. */
  databaseUrl: string;
  /** How much SQLite waits for the disk at a commit; `normal` when missing. */
  synchronous?: 'normal' | 'full';
  /** The engines to choose from; SQLite and PostgreSQL when missing. */
  engines?: readonly Engine[];
  /** Receives errors of connections that break and come back. */
  onError(error: unknown): void;
}

/** Opens the database behind a DATABASE_URL and brings it to the newest schema. Rejects with an AppError. */
export async function connectDatabase(settings: DatabaseSettings): Promise<Database> {
  const { databaseUrl: url, onError, synchronous = 'normal', engines = defaultEngines } = settings;
  const engine = engineOf(url, engines);
  const options = { url, synchronous, onError, unlimited: false };
  if (!engine.shared) return migrated(await openDatabase(engine, options));
  // A change of the schema may take longer than any other statement, so it has connections of its own.
  await (await migrated(await openDatabase(engine, { ...options, unlimited: true }))).close();
  return openDatabase(engine, options);
}

/** Opens a database as it is, with any schema. */
export async function openDatabase(engine: Engine, options: EngineOptions): Promise<Database> {
  const dialect = new CheckedDialect(await engine.openDialect(options), engine, options.onError);
  const db = new Kysely<Schema>({ dialect });
  return {
    engine,
    shared: engine.shared,
    url: options.url,
    db,
    tables: <Tables>() => db as unknown as Kysely<Tables>,
    get isFull() {
      return dialect.isFull;
    },
    close: () => dialect.close(),
  };
}

/** The names of the changes that the schema of a database lacks. Changes nothing. Rejects when the database cannot be reached. */
export async function pendingMigrations(url: string): Promise<string[]> {
  const engine = engineOf(url, defaultEngines);
  const database = await openDatabase(engine, {
    url,
    synchronous: 'normal',
    unlimited: false,
    onError: () => {},
  });
  try {
    const known = await migratorOf(database).getMigrations();
    return known.filter(({ executedAt }) => executedAt === undefined).map(({ name }) => name);
  } finally {
    await database.close();
  }
}

/** Brings a database to the newest schema; closes it when it cannot be. */
async function migrated(database: Database): Promise<Database> {
  const { error } = await migratorOf(database).migrateToLatest();
  if (error === undefined) return database;
  await database.close();
  throw new AppError('internal', 'The database cannot be opened or brought to the newest schema.', {
    cause: error,
  });
}

function migratorOf({ engine, db }: Database): Migrator {
  const migrations = migrationsFor(engine.tables);
  return new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
}

/** The engine of a DATABASE_URL. Throws `invalid_request` for one of no known kind. */
export function engineOf(url: string, engines: readonly Engine[]): Engine {
  const scheme = url.split(':')[0]!;
  const engine = engines.find(({ schemes }) => schemes.includes(scheme));
  if (engine && url !== `${scheme}:`) return engine;
  throw new AppError('invalid_request', `DATABASE_URL is of no known kind: ${scheme}`);
}
