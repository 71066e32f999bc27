import { Migrator } from 'kysely';
import type { Kysely } from 'kysely';
import { AppError } from '../errors.ts';
import { migrations } from './migrations.ts';
import type { Schema } from './schema.ts';

/** An open, migrated database. */
export interface Database {
  readonly engine: 'sqlite' | 'postgres';
  /** `postgres://…`, or the SQLite file. */
  readonly place: string;
  readonly db: Kysely<Schema>;
  /** The same connections, typed with the tables of another part of the server. */
  tables<Tables>(): Kysely<Tables>;
  close(): Promise<void>;
}

export interface DatabaseSettings {
  /** `sqlite:<file>`, `sqlite::memory:` or `postgres://…`. */
  databaseUrl: string;
  /** How much SQLite waits for the disk at a commit; `normal` when missing. */
  synchronous?: 'normal' | 'full';
  /** Hears of connections that break and come back. */
  onError(error: unknown): void;
}

/** Opens the database behind a DATABASE_URL and brings it to the newest schema. Rejects with an AppError. */
export async function connectDatabase({
  databaseUrl,
  onError,
  synchronous,
}: DatabaseSettings): Promise<Database> {
  if (/^postgres(ql)?:/.test(databaseUrl)) {
    const { openPostgres } = await import('./postgres.ts');
    // A change of the schema may take longer than any other statement.
    await (await migrated(openPostgres(databaseUrl, onError, 0))).destroy();
    return databaseOf('postgres', databaseUrl, openPostgres(databaseUrl, onError));
  }
  const file = /^sqlite:(.+)$/.exec(databaseUrl)?.[1];
  if (file === undefined)
    throw new AppError('invalid_request', `DATABASE_URL is of no known kind: ${databaseUrl.split(':')[0]}`);
  const { openSqlite } = await import('./sqlite.ts');
  return databaseOf('sqlite', file, await migrated(openSqlite(file, synchronous)));
}

function databaseOf(engine: Database['engine'], place: string, db: Kysely<Schema>): Database {
  return {
    engine,
    place,
    db,
    tables: <Tables>() => db as unknown as Kysely<Tables>,
    close: () => db.destroy(),
  };
}

/** Brings a database to the newest schema; closes it when it cannot be. */
async function migrated(db: Kysely<Schema>): Promise<Kysely<Schema>> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return db;
  await db.destroy();
  throw new AppError('internal', 'The database cannot be opened or brought to the newest schema.', {
    cause: error,
  });
}
