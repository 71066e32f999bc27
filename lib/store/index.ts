import type { Store } from '../core/store.ts';
import { connectDatabase, type Database, type DatabaseSettings } from './database.ts';
import { openStore } from './store.ts';
import { createVault } from './vault.ts';

/** The parts that a store takes beside its database. */
export interface StoreSettings {
  /** Seals configurations. */
  secret: string;
  /** Receives errors of connections that break and come back. */
  onError(error: unknown): void;
  /** How long a silent node still owns its sessions where several share a database, in ms; 10 s when missing. */
  leaseMs?: number;
  /** Receives the time of each transaction of the log, in ms. */
  onCommit?: ((ms: number) => void) | undefined;
}

/** A database and a store on it. */
export type ConnectOptions = DatabaseSettings & StoreSettings;

/** The sessions of a node that died wait so long for another node. */
const LEASE_MS = 10_000;

/** The store behind a DATABASE_URL, migrated. Rejects with an AppError. */
export async function connectStore(options: ConnectOptions): Promise<Store> {
  return openStoreOn(await connectDatabase(options), options);
}

/** The store on an open database. Closing the store closes the database. */
export async function openStoreOn(
  database: Database,
  { secret, onError, leaseMs = LEASE_MS, onCommit }: StoreSettings,
): Promise<Store> {
  const vault = createVault(secret);
  const wakeups = await database.engine.openWakeups(database.url, onError);
  try {
    return await openStore({ database, vault, leaseMs, wakeups, onCommit });
  } catch (error) {
    await wakeups?.close();
    throw error;
  }
}
