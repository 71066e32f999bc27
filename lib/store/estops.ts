import type { Insertable, Transaction } from 'kysely';
import { systemClock } from '../common/clock.ts';
import type { EstopScope, StoredEstop, Store } from '../core/store.ts';
import type { StoreNode } from './node.ts';
import type { Schema } from './schema.ts';

/** The id under which nodes wake each other for emergency stops, in the place of a session's. */
export const ESTOP_WAKEUP = 'estop';

/**
 * Emergency stops. A row holds from its commit on: every permit looks for one in its own transaction. A node notes the newest
 * stop that it has carried out, so that others know when nothing of before can leave any more.
 */
export function createEstops({
  db,
  life,
  run,
}: StoreNode): Pick<
  Store,
  'engageEstop' | 'releaseEstops' | 'listEstops' | 'lastEstop' | 'noteEstop' | 'countNodesBehind'
> {
  return {
    async engageEstop(scope, by, reason) {
      const row = {
        scope,
        reason: reason ?? null,
        engaged_by: by,
        engaged_at: systemClock.now(),
        released_by: null,
        released_at: null,
        release_reason: null,
      };
      const id = await run(ESTOP_WAKEUP, (trx) => insertEstop(trx, row));
      return storedEstop({ ...row, id });
    },

    async releaseEstops(scope, by, reason) {
      const { numUpdatedRows } = await run(ESTOP_WAKEUP, (trx) =>
        trx
          .updateTable('estops')
          .set({ released_by: by, released_at: systemClock.now(), release_reason: reason })
          // Only stops of this very scope: a stop of everything holds on when one of a device is released.
          .where('scope', '=', scope)
          .where('released_at', 'is', null)
          .executeTakeFirst(),
      );
      return Number(numUpdatedRows);
    },

    async listEstops() {
      const rows = await db
        .selectFrom('estops')
        .selectAll()
        .where('released_at', 'is', null)
        .orderBy('id')
        .execute();
      return rows.map(storedEstop);
    },

    async lastEstop() {
      const row = await db
        .selectFrom('estops')
        .select(({ fn }) => fn.max('id').as('id'))
        .executeTakeFirst();
      return row?.id ?? 0;
    },

    async noteEstop(id) {
      // No row changes where one server has the database for itself: there are no other nodes that would ask.
      await db.updateTable('nodes').set({ estop_seen: id }).where('name', '=', life.name).execute();
    },

    async countNodesBehind(id) {
      const { count } = await db
        .selectFrom('nodes')
        .select(({ fn }) => fn.countAll<number | string>().as('count'))
        .where('estop_seen', '<', id)
        // A dead node sends nothing any more. It does not count, so that nobody waits for it.
        .where(life.isLiving())
        .executeTakeFirstOrThrow();
      return Number(count);
    },
  };
}

/**
 * Inserts a stop under the number after the last one, and resolves with the number. A stop of another node that commits meanwhile
 * takes the number away. So stops become visible in the order of their numbers, which no clock decides: a node that has
 * carried out a number has carried out all before it.
 */
async function insertEstop(
  trx: Transaction<Schema>,
  row: Omit<Insertable<Schema['estops']>, 'id'>,
): Promise<number> {
  for (;;) {
    const { last } = await trx
      .selectFrom('estops')
      .select(({ fn }) => fn.max<number | null>('id').as('last'))
      .executeTakeFirstOrThrow();
    const id = (last ?? 0) + 1;
    const { numInsertedOrUpdatedRows = 0n } = await trx
      .insertInto('estops')
      .values({ ...row, id })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    // Else another node took the number: the loop reads the last one again.
    if (numInsertedOrUpdatedRows > 0n) return id;
  }
}

function storedEstop(row: {
  id: number;
  scope: string;
  reason: string | null;
  engaged_by: string;
  engaged_at: number;
}): StoredEstop {
  const { id, scope, reason, engaged_by: by, engaged_at: at } = row;
  return { id, scope: scope as EstopScope, by, at, ...(reason !== null && { reason }) };
}
