import { Migrator } from 'kysely';
import type { Kysely } from 'kysely';
import type { Store } from '../core/store.ts';
import { AppError } from '../errors.ts';
import { migrations } from './migrations.ts';
import type { Schema } from './schema.ts';
import { openStore } from './store.ts';
import { openVault } from './vault.ts';

/** The store behind a DATABASE_URL (`sqlite:<file>`, `sqlite::memory:`), migrated; `secret` seals configurations. */
export async function connectStore(databaseUrl: string, secret: string): Promise<Store> {
  const file = /^sqlite:(.+)$/.exec(databaseUrl)?.[1];
  if (file === undefined)
    throw new AppError('invalid_request', `DATABASE_URL is of no known kind: ${databaseUrl.split(':')[0]}`);
  const { openSqlite } = await import('./sqlite.ts');
  const db = openSqlite(file);
  try {
    await migrate(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return openStore({ db, engine: 'sqlite', vault: openVault(secret) });
}

/** Brings a database to the newest schema. */
export async function migrate(db: Kysely<Schema>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
  const { error } = await migrator.migrateToLatest();
  if (error)
    throw new AppError('internal', 'The database could not be brought to the newest schema.', {
      cause: error,
    });
}
