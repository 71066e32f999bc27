import { sql } from 'kysely';
import { systemClock } from '../common/clock.ts';
import { withDeadline } from '../common/deadline.ts';
import type { Store } from '../core/store.ts';
import { AppError } from '../errors.ts';
import type { Database } from './database.ts';
import { DiskFull } from './failures.ts';
import { createEstops } from './estops.ts';
import { createInbox } from './inbox.ts';
import { createJournal } from './journal.ts';
import { createMessageLog } from './message-log.ts';
import { beginNode, type StoreOptions } from './node.ts';
import { createOrphans } from './orphans.ts';
import { createOwnership } from './ownership.ts';
import { createQuestions } from './questions.ts';
import { createRetention } from './retention.ts';
import { createSessionRows } from './session-rows.ts';

/** `/readyz` answers within this time. */
const PING_TIMEOUT_MS = 2000;

/** The store over a migrated database: one set of queries for all engines. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { database, wakeups, leaseMs } = options;
  // The name in wake-ups, for as long as the process lives. The name of a life is a new one after a lease that expired.
  const name = systemClock.newId();
  const node = await beginNode(options, name);
  return {
    leaseMs,
    shared: database.shared,
    ...createSessionRows(node),
    ...createOwnership(node),
    ...createMessageLog(node),
    ...createInbox(node),
    ...createJournal(node),
    ...createQuestions(node),
    ...createEstops(node),
    ...createOrphans(node),
    ...createRetention(node),
    subscribe(hear) {
      // PostgreSQL brings a node its own wake-ups, too.
      wakeups?.listen((session, from) => {
        if (from !== name) hear(session);
      });
    },
    async ping() {
      const late = (): Error => new Error(`no answer within ${PING_TIMEOUT_MS} ms`);
      try {
        // A full disk still answers reads, so that a read would say that all is well.
        const question = database.isFull ? tryToWrite(database) : sql`select 1`.execute(database.db);
        await withDeadline<unknown>(question, PING_TIMEOUT_MS, late);
      } catch (error) {
        if (error instanceof DiskFull) throw error;
        throw new AppError('unavailable', 'The database does not answer.', { cause: error });
      }
    },
    async close() {
      // In this order: another node may claim the sessions when the lease ends, and needs the last writes then.
      await node.writer.drain();
      await wakeups?.close();
      await node.life.end().catch(() => undefined); // the lease expires by itself
      await database.close();
    },
  };
}

/** Larger than a page of a database: the room that is left inside of a page must not hide that the disk is full. */
const PROBE_BYTES = 16_384;

/** Writes a row and removes it again: only a write can say whether a disk that was full has space. */
async function tryToWrite({ db }: Database): Promise<void> {
  const key = systemClock.newId();
  const line = 'x'.repeat(PROBE_BYTES);
  // A session without an id does not exist, so that nobody reads the row.
  const row = { session_id: '', key, position: 0, kind: 'note', task_id: null, line } as const;
  // The commit also ends the time of the full disk (`CheckedDialect.isFull`).
  await db.transaction().execute(async (trx) => {
    await trx.insertInto('controls').values(row).execute();
    await trx.deleteFrom('controls').where('session_id', '=', '').where('key', '=', key).execute();
  });
}
