import type { Kysely, Transaction } from 'kysely';
import { systemClock } from '../common/clock.ts';
import type { Database } from './database.ts';
import type { RowLocks, Wakeups } from './engine.ts';
import type { Life } from './life.ts';
import type { Schema } from './schema.ts';
import type { Vault } from './vault.ts';
import { createWriter, type Writer } from './writer.ts';

/** What a store is opened with. */
export interface StoreOptions {
  database: Database;
  /** Seals configurations. */
  vault: Vault;
  /** Undefined where the database has no other nodes. */
  wakeups: Wakeups | undefined;
  /** How long a silent node still owns its sessions, in ms. */
  leaseMs: number;
  /** Receives the time of each transaction of the log, in ms. */
  onCommit?: ((ms: number) => void) | undefined;
}

/** This process as one node of a store: what all parts of the store share. */
export interface StoreNode {
  readonly db: Kysely<Schema>;
  readonly locks: RowLocks;
  readonly vault: Vault;
  /** The lease. Its name is not constant: after a lease that expired it is a new one, and the sessions of the old name may be claimed. */
  readonly life: Life;
  readonly writer: Writer;
  /** Whether other processes may write to the same sessions. */
  readonly shared: boolean;
  /** The next number in the order of arrival: µs since the epoch, always rising in this process. */
  nextPosition(): number;
  /** A rare write: it is a segment of its own in the order of the writes. */
  run<T>(session: string, work: (trx: Transaction<Schema>) => Promise<T>): Promise<T>;
}

/** Begins a node; other nodes know its writes by `name`. */
export async function beginNode(options: StoreOptions, name: string): Promise<StoreNode> {
  const { database, vault, wakeups, leaseMs, onCommit } = options;
  const { db, engine } = database;
  const writer = createWriter(db, engine.locks, (sessions) => wakeups?.notify(name, sessions), onCommit);
  let lastPosition = 0;
  return {
    db,
    locks: engine.locks,
    vault,
    life: await engine.beginLife(db, leaseMs),
    writer,
    shared: database.shared,
    nextPosition() {
      // µs, so that tasks of one ms have different positions, and a clock that goes back changes no order.
      lastPosition = Math.max(lastPosition + 1, systemClock.now() * 1000);
      return lastPosition;
    },
    run: <T>(session: string, run: (trx: Transaction<Schema>) => Promise<T>) =>
      writer.write({ kind: 'run', session, run }) as Promise<T>,
  };
}
