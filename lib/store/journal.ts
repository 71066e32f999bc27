import { systemClock } from '../common/clock.ts';
import { formatExactly } from '../common/exact-numbers.ts';
import type { Permitted, Store } from '../core/store.ts';
import type { StoreNode } from './node.ts';

/** The journal of write calls: a row is the permission to send one call, and it is given once. */
export function createJournal({
  db,
  writer,
  run,
}: StoreNode): Pick<Store, 'permit' | 'isPermitted' | 'settle'> {
  return {
    async permit(id, epoch, entry, clearance) {
      const row = {
        session_id: id,
        seq: entry.seq,
        call_id: entry.callId,
        task_id: entry.taskId,
        tool: entry.tool,
        // Whole numbers beyond 2^53 keep their digits: the row says what was sent.
        arguments: formatExactly(entry.arguments),
        // It is `sent` before the first byte leaves: after a crash nobody can know whether one did.
        outcome: 'sent' as const,
        sent_at: systemClock.now(),
        settled_at: null,
      };
      const write = { kind: 'permit', session: id, epoch, row } as const;
      return (await writer.write(clearance ? { ...write, clearance } : write)) as Permitted;
    },

    async isPermitted(id, { seq, callId }) {
      const row = await db
        .selectFrom('calls')
        .select('outcome')
        .where('session_id', '=', id)
        .where('seq', '=', seq)
        .where('call_id', '=', callId)
        .executeTakeFirst();
      // A call that was surely not sent may be permitted again, so that it counts as one without a permission.
      return row !== undefined && row.outcome !== 'none';
    },

    async settle(id, key, outcome, also) {
      await run(id, async (trx) => {
        const { numUpdatedRows: count } = await trx
          .updateTable('calls')
          .set({ outcome, settled_at: systemClock.now() })
          .where('session_id', '=', id)
          .where('seq', '=', key.seq)
          .where('call_id', '=', key.callId)
          // A known outcome is the last word; `unknown` gives way to a known one.
          .where('outcome', 'in', outcome === 'unknown' ? ['sent'] : ['sent', 'unknown'])
          .executeTakeFirstOrThrow();
        if (count > 0) await also?.(trx);
      });
    },
  };
}
