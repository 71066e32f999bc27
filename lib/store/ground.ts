import type { Kysely, Transaction } from 'kysely';
import { beginLife, soleLife } from './life.ts';
import type { Life } from './life.ts';
import type { Schema } from './schema.ts';
import type { Vault } from './vault.ts';
import { openWriter } from './writer.ts';
import type { Writer } from './writer.ts';

/** How nodes wake each other: ids only. */
export interface Wakeups {
  /** Tells, soon, that `node` has written to these; what is lost is found by polling. */
  notify(node: string, sessions: readonly string[]): void;
  /** Hears `session` and the `node` that wrote. */
  listen(hear: (session: string, node: string) => void): void;
  close(): Promise<void>;
}

export interface StoreOptions {
  db: Kysely<Schema>;
  /** SQLite belongs to one process: its leases are always free. PostgreSQL is shared by many. */
  engine: 'sqlite' | 'postgres';
  vault: Vault;
  wakeups?: Wakeups;
  /** How long a node that says nothing still owns its sessions. */
  leaseMs: number;
}

/** What every part of the store stands on. */
export interface Ground extends StoreOptions {
  life: Life;
  writer: Writer;
  /** Order of arrival: µs since the epoch, always rising in this process. */
  nextPosition(): number;
  /** A rare write: alone, in its place. */
  run<T>(session: string, work: (trx: Transaction<Schema>) => Promise<T>): Promise<T>;
}

/** Lays the ground for a store in this process, called `node` where others are woken. */
export async function layGround(options: StoreOptions, node: string): Promise<Ground> {
  const { db, engine, wakeups, leaseMs } = options;
  const life = engine === 'postgres' ? await beginLife(db, leaseMs) : soleLife();
  const writer = openWriter(db, engine, wakeups && ((sessions) => wakeups.notify(node, sessions)));
  let lastPosition = 0;
  return {
    ...options,
    life,
    writer,
    nextPosition() {
      lastPosition = Math.max(lastPosition + 1, Date.now() * 1000);
      return lastPosition;
    },
    run: <T>(session: string, run: (trx: Transaction<Schema>) => Promise<T>) =>
      writer.write({ kind: 'run', session, run }) as Promise<T>,
  };
}
