import { Migrator } from 'kysely';
import type { Kysely } from 'kysely';
import type { Store } from '../core/store.ts';
import { AppError } from '../errors.ts';
import { migrations } from './migrations.ts';
import type { Schema } from './schema.ts';
import { openStore } from './store.ts';
import { openVault } from './vault.ts';

export interface ConnectOptions {
  /** `sqlite:<file>`, `sqlite::memory:` or `postgres://…`. */
  databaseUrl: string;
  /** Seals configurations. */
  secret: string;
  /** Hears of connections that break and come back. */
  onError(error: unknown): void;
  /** How much SQLite waits for the disk at a commit; `normal` when missing. */
  synchronous?: 'normal' | 'full';
  /** How long a node that says nothing still owns its sessions (PostgreSQL); 10 s. */
  leaseMs?: number;
}

const LEASE_MS = 10_000;

/** The store behind a DATABASE_URL, migrated. */
export async function connectStore(options: ConnectOptions): Promise<Store> {
  const { databaseUrl, secret, onError, synchronous, leaseMs = LEASE_MS } = options;
  const vault = openVault(secret);
  if (/^postgres(ql)?:/.test(databaseUrl)) {
    const { openPostgres, openWakeups } = await import('./postgres.ts');
    const db = await migrated(openPostgres(databaseUrl, onError));
    const wakeups = await openWakeups(databaseUrl, onError);
    return openStore({ db, engine: 'postgres', vault, wakeups, leaseMs });
  }
  const file = /^sqlite:(.+)$/.exec(databaseUrl)?.[1];
  if (file === undefined)
    throw new AppError('invalid_request', `DATABASE_URL is of no known kind: ${databaseUrl.split(':')[0]}`);
  const { openSqlite } = await import('./sqlite.ts');
  return openStore({ db: await migrated(openSqlite(file, synchronous)), engine: 'sqlite', vault, leaseMs });
}

/** Brings a database to the newest schema; it is closed when that fails. */
async function migrated(db: Kysely<Schema>): Promise<Kysely<Schema>> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return db;
  await db.destroy();
  throw new AppError('internal', 'The database cannot be opened or brought to the newest schema.', {
    cause: error,
  });
}
