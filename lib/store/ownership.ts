/*
 * Who may write to a session:
 *
 *   life      each process has one name and one lease for all its sessions; a silent process loses it (life.ts)
 *   claim     sets the session's node to this life and raises its epoch, if no life with a valid lease has the session
 *   epoch     the fence: every append and permit names the epoch of its claim, and an older epoch is refused (writer.ts)
 *   renew     renews the lease, and finds the sessions that another node has claimed meanwhile
 *   orphans   sessions with open work whose life is over; any node may claim them
 */

import type { Claim, Store } from '../core/store.ts';
import type { StoreNode } from './node.ts';
import { inPortions } from './portions.ts';

/** Which node works on a session: the session's row has the node's name and an epoch. */
export function createOwnership({
  db,
  locks,
  shared,
  life,
  run,
}: StoreNode): Pick<Store, 'claim' | 'renew' | 'release'> {
  return {
    claim(id) {
      // A node may claim a session that it owns already: after an append that failed, only a new epoch lets it write again.
      return run(id, async (trx): Promise<Claim | 'held' | undefined> => {
        const claimed = await trx
          .updateTable('sessions')
          .set(({ eb }) => ({ epoch: eb('epoch', '+', 1), node: life.name }))
          .where('id', '=', ({ selectFrom }) => {
            const free = selectFrom('sessions').select('id').where('id', '=', id).where(life.free());
            // Another node that has the row locked works on the session: two that wait for each other are a deadlock.
            return locks.takeFree(free);
          })
          .returning('epoch')
          .executeTakeFirst();
        if (!claimed) {
          const there = await trx.selectFrom('sessions').select('id').where('id', '=', id).executeTakeFirst();
          return there && 'held';
        }
        // In the same transaction: the old owner can append nothing between its last line and the new epoch.
        const last = await trx
          .selectFrom('messages')
          .select(['seq', 'time'])
          .where('session_id', '=', id)
          .orderBy('seq', 'desc')
          .limit(1)
          .executeTakeFirst();
        return {
          epoch: claimed.epoch,
          lastSeq: last?.seq ?? 0,
          lastTime: last?.time ?? 0,
        };
      });
    },

    async renew(epochs) {
      // Nobody else works on the database, so that nobody can have taken a session.
      if (!shared) return new Set(epochs.keys());
      // One row holds the lease of all sessions: writing to the sessions' own rows would wait for their writers.
      await life.renew();
      const kept = new Set<string>();
      for (const ids of inPortions([...epochs.keys()])) {
        const rows = await db
          .selectFrom('sessions')
          .select(['id', 'epoch'])
          .where('id', 'in', ids)
          .where('node', '=', life.name)
          .execute();
        // Under a higher epoch another claim of this very node has taken the place of this one.
        for (const { id, epoch } of rows) if (epochs.get(id) === epoch) kept.add(id);
      }
      return kept;
    },

    async release(id, epoch) {
      await run(id, (trx) =>
        trx
          .updateTable('sessions')
          .set({ node: null })
          .where('id', '=', id)
          .where('epoch', '=', epoch)
          .execute(),
      );
    },
  };
}
