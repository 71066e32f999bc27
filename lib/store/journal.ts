import type { Store } from '../core/store.ts';
import type { Ground } from './ground.ts';

/** The journal of write calls: a row is the permission to send, given once. */
export function openJournal({ writer, run }: Ground): Pick<Store, 'permit' | 'settle'> {
  return {
    async permit(id, epoch, entry) {
      const row = {
        session_id: id,
        seq: entry.seq,
        call_id: entry.callId,
        task_id: entry.taskId,
        tool: entry.tool,
        arguments: JSON.stringify(entry.arguments),
        outcome: 'sent' as const,
        sent_at: Date.now(),
        settled_at: null,
      };
      return (await writer.write({ kind: 'permit', session: id, epoch, row })) === true;
    },

    async settle(id, key, outcome) {
      await run(id, (trx) =>
        trx
          .updateTable('calls')
          .set({ outcome, settled_at: Date.now() })
          .where('session_id', '=', id)
          .where('seq', '=', key.seq)
          .where('call_id', '=', key.callId)
          .execute(),
      );
    },
  };
}
