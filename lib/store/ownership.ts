import type { Standing, Store } from '../core/store.ts';
import type { Ground } from './ground.ts';
import { inPortions } from './portions.ts';

/** Which node works on a session: a lease with an epoch. */
export function openOwnership({
  db,
  engine,
  node,
  free,
  until,
  run,
}: Ground): Pick<Store, 'claim' | 'renew' | 'release' | 'findOrphans'> {
  return {
    claim(id) {
      return run(id, async (trx): Promise<Standing | 'held' | undefined> => {
        const claimed = await trx
          .updateTable('sessions')
          .set(({ eb }) => ({ epoch: eb('epoch', '+', 1), node, lease_until: until }))
          .where('id', '=', id)
          .where(free)
          .returning('epoch')
          .executeTakeFirst();
        if (!claimed) {
          const there = await trx.selectFrom('sessions').select('id').where('id', '=', id).executeTakeFirst();
          return there && 'held';
        }
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
      if (engine === 'sqlite') return new Set(epochs.keys());
      const kept = new Set<string>();
      for (const ids of inPortions([...epochs.keys()])) {
        const rows = await db
          .updateTable('sessions')
          .set({ lease_until: until })
          .where('id', 'in', ids)
          .where('node', '=', node)
          .returning(['id', 'epoch'])
          .execute();
        for (const { id, epoch } of rows) if (epochs.get(id) === epoch) kept.add(id);
      }
      return kept;
    },

    async release(id, epoch) {
      await run(id, (trx) =>
        trx
          .updateTable('sessions')
          .set({ lease_until: 0, node: null })
          .where('id', '=', id)
          .where('epoch', '=', epoch)
          .execute(),
      );
    },

    async findOrphans(limit) {
      const waiting = db
        .selectFrom('tasks')
        .select('session_id')
        .where('status', '=', 'open')
        .union(db.selectFrom('controls').select('session_id'));
      const rows = await db
        .selectFrom('sessions')
        .select('id')
        .where('id', 'in', waiting)
        .where(free)
        .limit(limit)
        .execute();
      return rows.map(({ id }) => id);
    },
  };
}
