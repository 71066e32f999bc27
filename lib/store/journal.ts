import { systemClock } from '../common/clock.ts';
import { formatExactly } from '../common/exact-numbers.ts';
import type { Store } from '../core/store.ts';
import type { StoreNode } from './node.ts';

/** The journal of write calls: a row is the permission to send one call, and it is given once. */
export function createJournal({ writer, run }: StoreNode): Pick<Store, 'permit' | 'settle'> {
  return {
    async permit(id, epoch, entry) {
      const row = {
        session_id: id,
        seq: entry.seq,
        call_id: entry.callId,
        task_id: entry.taskId,
        tool: entry.tool,
        arguments: formatExactly(entry.arguments),
        outcome: 'sent' as const,
        sent_at: systemClock.now(),
        settled_at: null,
      };
      return (await writer.write({ kind: 'permit', session: id, epoch, row })) === true;
    },

    async settle(id, key, outcome) {
      await run(id, (trx) =>
        trx
          .updateTable('calls')
          .set({ outcome, settled_at: systemClock.now() })
          .where('session_id', '=', id)
          .where('seq', '=', key.seq)
          .where('call_id', '=', key.callId)
          .execute(),
      );
    },
  };
}
