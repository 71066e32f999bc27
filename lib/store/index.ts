import type { Store } from '../core/store.ts';
import { connectDatabase, type Database, type DatabaseSettings } from './database.ts';
import { openStore } from './store.ts';
import { openVault } from './vault.ts';

export interface StoreSettings {
  /** Seals configurations. */
  secret: string;
  /** Hears of connections that break and come back. */
  onError(error: unknown): void;
  /** How long a node that says nothing still owns its sessions (PostgreSQL); 10 s. */
  leaseMs?: number;
}

export type ConnectOptions = DatabaseSettings & StoreSettings;

const LEASE_MS = 10_000;

/** The store behind a DATABASE_URL, migrated. */
export async function connectStore(options: ConnectOptions): Promise<Store> {
  return openStoreOn(await connectDatabase(options), options);
}

/** The store on an open database, which is closed with it. */
export async function openStoreOn(
  { engine, place, db }: Database,
  { secret, onError, leaseMs = LEASE_MS }: StoreSettings,
): Promise<Store> {
  const vault = openVault(secret);
  if (engine === 'sqlite') return openStore({ db, engine, vault, leaseMs });
  const { openWakeups } = await import('./postgres.ts');
  const wakeups = await openWakeups(place, onError);
  try {
    return await openStore({ db, engine, vault, leaseMs, wakeups });
  } catch (error) {
    await wakeups.close();
    throw error;
  }
}
