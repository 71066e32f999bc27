import { v4 as uuid } from 'uuid';
import type { Store } from '../core/store.ts';
import { layGround } from './ground.ts';
import type { StoreOptions } from './ground.ts';
import { openInbox } from './inbox.ts';
import { openJournal } from './journal.ts';
import { openLog } from './log.ts';
import { openOwnership } from './ownership.ts';
import { openSessionRows } from './session-rows.ts';

/** The store over a migrated database: one set of queries for both engines. */
export function openStore(options: StoreOptions): Store {
  const ground = layGround(options, uuid());
  const { db, leaseMs, node, wakeups, writer } = ground;
  return {
    leaseMs,
    ...openSessionRows(ground),
    ...openOwnership(ground),
    ...openLog(ground),
    ...openInbox(ground),
    ...openJournal(ground),
    onWake(hear) {
      wakeups?.listen((session, from) => {
        if (from !== node) hear(session);
      });
    },
    async close() {
      await writer.drain();
      await wakeups?.close();
      await db.destroy();
    },
  };
}
