import type { Message, MessageBody } from '../core/message.ts';
import type { Store } from '../core/store.ts';
import type { Ground } from './ground.ts';
import { taskRow } from './inbox.ts';
import { inPortions } from './portions.ts';
import type { Schema } from './schema.ts';

/** The logs: appended under an epoch, read from a number on. */
export function openLog({
  db,
  writer,
  nextPosition,
}: Ground): Pick<Store, 'append' | 'read' | 'clear' | 'lastSeqs'> {
  const ending = db
    .updateTable('tasks')
    .set({ status: 'done' })
    .where('session_id', '=', '')
    .where('task_id', '=', '')
    .compile();

  return {
    async append(id, epoch, messages, change) {
      const rows = messages.map((message) => messageRow(id, message));
      const log = { kind: 'append', session: id, epoch, rows } as const;
      if (change === undefined) await writer.write(log);
      else if ('began' in change)
        await writer.write({ ...log, task: taskRow(id, change.began, nextPosition()) });
      else {
        const end = { ...ending, parameters: [change.status, id, change.ended] };
        await writer.write({ ...log, also: (trx) => trx.executeQuery(end) });
      }
    },

    async read(id, after, limit) {
      const rows = await db
        .selectFrom('messages')
        .select(['seq', 'time', 'body'])
        .where('session_id', '=', id)
        .where('seq', '>', after)
        .orderBy('seq')
        .limit(limit)
        .execute();
      return rows.map(({ seq, time, body }): Message => ({
        ...(JSON.parse(body) as MessageBody),
        seq,
        time,
      }));
    },

    async clear(id, epoch, first) {
      await writer.write({
        kind: 'append',
        session: id,
        epoch,
        rows: [messageRow(id, first)],
        async also(trx) {
          await trx
            .deleteFrom('messages')
            .where('session_id', '=', id)
            .where('seq', '<', first.seq)
            .execute();
          await trx.deleteFrom('tasks').where('session_id', '=', id).where('status', '!=', 'open').execute();
        },
      });
    },

    async lastSeqs(ids) {
      const last = new Map<string, number>();
      for (const some of inPortions(ids)) {
        // One step to the end of each log; grouping would read the logs.
        const rows = await db
          .selectFrom('sessions')
          .select('id')
          .select(({ selectFrom }) =>
            selectFrom('messages')
              .select(({ fn }) => fn.max('seq').as('seq'))
              .whereRef('session_id', '=', 'sessions.id')
              .as('seq'),
          )
          .where('id', 'in', some)
          .execute();
        for (const { id, seq } of rows) last.set(id, seq ?? 0);
      }
      return last;
    },
  };
}

/** A message as it is kept. */
export function messageRow(id: string, { seq, time, ...body }: Message): Schema['messages'] {
  return { session_id: id, seq, time, body: JSON.stringify(body) };
}
