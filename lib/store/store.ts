import { sql } from 'kysely';
import { v4 as uuid } from 'uuid';
import { withAppErrors } from '../core/failures.ts';
import type { Store } from '../core/store.ts';
import { AppError } from '../errors.ts';

import { layGround } from './ground.ts';
import type { StoreOptions } from './ground.ts';
import { openInbox } from './inbox.ts';
import { openJournal } from './journal.ts';
import { openLog } from './log.ts';
import { openOwnership } from './ownership.ts';
import { openRetention } from './retention.ts';
import { openSessionRows } from './session-rows.ts';

const PING_TIMEOUT_MS = 2000;

/** The store over a migrated database: one set of queries for both engines. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const node = uuid();
  const ground = await layGround(options, node);
  const { db, leaseMs, life, wakeups, writer } = ground;
  return {
    leaseMs,
    shared: options.engine === 'postgres',
    ...withAppErrors({
      ...openSessionRows(ground),
      ...openOwnership(ground),
      ...openLog(ground),
      ...openInbox(ground),
      ...openJournal(ground),
      ...openRetention(ground),
    }),
    subscribe(hear) {
      wakeups?.listen((session, from) => {
        if (from !== node) hear(session);
      });
    },
    async ping() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new Error(`no answer within ${PING_TIMEOUT_MS} ms`)),
          PING_TIMEOUT_MS,
        );
      });
      try {
        await Promise.race([sql`select 1`.execute(db), late]);
      } catch (error) {
        throw new AppError('unavailable', 'The database does not answer.', { cause: error });
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      await writer.drain();
      await wakeups?.close();
      await life.end().catch(() => undefined); // its lease runs out by itself
      await db.destroy();
    },
  };
}
