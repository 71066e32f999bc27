import type { CompiledQuery, Kysely } from 'kysely';
import type { Message, MessageBody } from '../core/message.ts';
import type { SessionConfig } from '../core/sessions.ts';
import type { Store, StoredTask, TaskEnd } from '../core/store.ts';
import type { Schema } from './schema.ts';
import type { Vault } from './vault.ts';
import { openWriter } from './writer.ts';

export interface StoreOptions {
  db: Kysely<Schema>;
  engine: 'sqlite' | 'postgres';
  vault: Vault;
}

/** The store over a migrated database: one set of queries for both engines. */
export function openStore({ db, engine, vault }: StoreOptions): Store {
  const writer = openWriter(db, engine);
  let lastPosition = 0;

  /** Order of arrival: µs since the epoch, always rising in this process. */
  function nextPosition(): number {
    lastPosition = Math.max(lastPosition + 1, Date.now() * 1000);
    return lastPosition;
  }

  async function compare(id: string, task: StoredTask): Promise<'unknown' | 'same' | 'conflict'> {
    const row = await db
      .selectFrom('tasks')
      .select('body')
      .where('session_id', '=', id)
      .where('task_id', '=', task.taskId)
      .executeTakeFirst();
    if (!row) return 'unknown';
    return row.body === taskBody(task) ? 'same' : 'conflict';
  }

  const ending = db
    .updateTable('tasks')
    .set({ status: 'done' })
    .where('session_id', '=', '')
    .where('task_id', '=', '')
    .compile();
  /** The statement that ends a task, compiled once. */
  function endOf(id: string, { taskId, status }: TaskEnd): CompiledQuery {
    return { ...ending, parameters: [status, id, taskId] };
  }

  return {
    async createSession(session, first) {
      const row = {
        id: session.id,
        owner: session.owner,
        config: vault.seal(JSON.stringify(session.config)),
        created_at: session.createdAt,
        expires_at: session.expiresAt,
        epoch: 1,
      };
      await writer.write({
        kind: 'run',
        run: async (trx) => {
          await trx.insertInto('sessions').values(row).execute();
          await trx.insertInto('messages').values(messageRow(session.id, first)).execute();
        },
      });
    },

    async findSession(id) {
      const row = await db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row) return undefined;
      const config = JSON.parse(vault.open(row.config)) as SessionConfig;
      return { id, owner: row.owner, config, createdAt: row.created_at, expiresAt: row.expires_at };
    },

    async countSessions(owner) {
      const counted = await db
        .selectFrom('sessions')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('owner', '=', owner)
        .executeTakeFirstOrThrow();
      return counted.count;
    },

    async removeSession(id) {
      await writer.write({
        kind: 'run',
        run: async (trx) => {
          await trx.deleteFrom('messages').where('session_id', '=', id).execute();
          await trx.deleteFrom('tasks').where('session_id', '=', id).execute();
          await trx.deleteFrom('sessions').where('id', '=', id).execute();
        },
      });
    },

    async findExpired(now, limit) {
      const rows = await db
        .selectFrom('sessions')
        .select('id')
        .where('expires_at', '<=', now)
        .orderBy('expires_at')
        .limit(limit)
        .execute();
      return rows.map(({ id }) => id);
    },

    async postpone(id, expiresAt) {
      await db.updateTable('sessions').set({ expires_at: expiresAt }).where('id', '=', id).execute();
    },

    async claim(id) {
      const claimed = await writer.write({
        kind: 'run',
        run: (trx) =>
          trx
            .updateTable('sessions')
            .set(({ eb }) => ({ epoch: eb('epoch', '+', 1) }))
            .where('id', '=', id)
            .returning('epoch')
            .executeTakeFirst(),
      });
      if (!claimed) return undefined;
      const last = await db
        .selectFrom('messages')
        .select(['seq', 'time'])
        .where('session_id', '=', id)
        .orderBy('seq', 'desc')
        .limit(1)
        .executeTakeFirst();
      const open = await db
        .selectFrom('tasks')
        .select(['task_id', 'body', 'stream'])
        .where('session_id', '=', id)
        .where('status', '=', 'open')
        .orderBy('position')
        .execute();
      return {
        epoch: (claimed as { epoch: number }).epoch,
        lastSeq: last?.seq ?? 0,
        lastTime: last?.time ?? 0,
        tasks: open.map((row) => {
          const said = JSON.parse(row.body) as Pick<StoredTask, 'form' | 'content'>;
          return { taskId: row.task_id, ...said, stream: row.stream === 1 };
        }),
      };
    },

    async findUnfinished() {
      const rows = await db
        .selectFrom('tasks')
        .select('session_id')
        .distinct()
        .where('status', '=', 'open')
        .execute();
      return rows.map((row) => row.session_id);
    },

    async append(id, epoch, messages, ended) {
      const rows = messages.map((message) => messageRow(id, message));
      const log = { kind: 'append', session: id, epoch, rows } as const;
      await writer.write(ended ? { ...log, also: (trx) => trx.executeQuery(endOf(id, ended)) } : log);
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
        also: async (trx) => {
          await trx
            .deleteFrom('messages')
            .where('session_id', '=', id)
            .where('seq', '<', first.seq)
            .execute();
          await trx.deleteFrom('tasks').where('session_id', '=', id).where('status', '!=', 'open').execute();
        },
      });
    },

    async enqueue(id, task) {
      const row = {
        session_id: id,
        task_id: task.taskId,
        position: nextPosition(),
        body: taskBody(task),
        stream: task.stream ? 1 : 0,
        status: 'open' as const,
      };
      if ((await writer.write({ kind: 'enqueue', row })) === true) return 'new';
      return (await compare(id, task)) === 'conflict' ? 'conflict' : 'same';
    },

    recognise: compare,

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
      await writer.write({
        kind: 'run',
        run: (trx) =>
          trx
            .updateTable('calls')
            .set({ outcome, settled_at: Date.now() })
            .where('session_id', '=', id)
            .where('seq', '=', key.seq)
            .where('call_id', '=', key.callId)
            .execute(),
      });
    },

    async close() {
      await writer.drain();
      await db.destroy();
    },
  };
}

/** Form and content only: the same text is the same task. */
function taskBody({ form, content }: StoredTask): string {
  return JSON.stringify({ form, content });
}

function messageRow(id: string, { seq, time, ...body }: Message): Schema['messages'] {
  return { session_id: id, seq, time, body: JSON.stringify(body) };
}
