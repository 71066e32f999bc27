import { sql } from 'kysely';
import type { CompiledQuery, Kysely, RawBuilder, Transaction } from 'kysely';
import { v4 as uuid } from 'uuid';
import type { Message, MessageBody } from '../core/message.ts';
import type { SessionConfig } from '../core/sessions.ts';
import type { Enqueued, Standing, Store, StoredTask, TaskEnd } from '../core/store.ts';
import type { Schema } from './schema.ts';
import type { Vault } from './vault.ts';
import { openWriter } from './writer.ts';

export interface StoreOptions {
  db: Kysely<Schema>;
  /** SQLite belongs to one process: its leases are always free. PostgreSQL is shared by many. */
  engine: 'sqlite' | 'postgres';
  vault: Vault;
  /** Tells other nodes of sessions that were written to, and hears of theirs. */
  wakeups?: Wakeups;
  leaseMs?: number;
}

/** How nodes wake each other. */
export interface Wakeups {
  notify(trx: Transaction<Schema>, node: string, sessions: string[]): Promise<void>;
  /** Hears `session` and the `node` that wrote. */
  listen(hear: (session: string, node: string) => void): void;
  close(): Promise<void>;
}

const LEASE_MS = 10_000;

/** The store over a migrated database: one set of queries for both engines. */
export function openStore({ db, engine, vault, wakeups, leaseMs = LEASE_MS }: StoreOptions): Store {
  const node = uuid();
  const writer = openWriter(db, engine, wakeups && ((trx, sessions) => wakeups.notify(trx, node, sessions)));
  /** The database's clock where nodes share one, so that theirs need not agree. */
  const now: RawBuilder<number> =
    engine === 'postgres'
      ? sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`
      : sql<number>`(unixepoch('subsec') * 1000)`;
  const free =
    engine === 'sqlite' ? sql<boolean>`1 = 1` : sql<boolean>`(lease_until < ${now} or node = ${node})`;
  const until = sql<number>`${now} + ${sql.lit(leaseMs)}`;
  let lastPosition = 0;

  /** Order of arrival: µs since the epoch, always rising in this process. */
  function nextPosition(): number {
    lastPosition = Math.max(lastPosition + 1, Date.now() * 1000);
    return lastPosition;
  }

  function run<T>(session: string, work: (trx: Transaction<Schema>) => Promise<T>): Promise<T> {
    return writer.write({ kind: 'run', session, run: work }) as Promise<T>;
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

  function selectOpenTasks(on: Kysely<Schema>, id: string) {
    return on
      .selectFrom('tasks')
      .select(['task_id', 'body', 'stream'])
      .where('session_id', '=', id)
      .where('status', '=', 'open')
      .orderBy('position');
  }

  async function compare(id: string, task: StoredTask): Promise<Enqueued> {
    const row = await db
      .selectFrom('tasks')
      .select('body')
      .where('session_id', '=', id)
      .where('task_id', '=', task.taskId)
      .executeTakeFirst();
    return row?.body === taskBody(task) ? 'same' : 'conflict';
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
        node,
        lease_until: until,
      };
      await run(session.id, async (trx) => {
        await trx.insertInto('sessions').values(row).execute();
        await trx.insertInto('messages').values(messageRow(session.id, first)).execute();
      });
      return { epoch: 1 };
    },

    async findSession(id) {
      const row = await db
        .selectFrom('sessions')
        .select(['owner', 'config', 'created_at', 'expires_at'])
        .select(({ selectFrom }) =>
          selectFrom('messages')
            .select(({ fn }) => fn.max('seq').as('seq'))
            .where('session_id', '=', id)
            .as('last_seq'),
        )
        .where('id', '=', id)
        .executeTakeFirst();
      if (!row) return undefined;
      const config = JSON.parse(vault.open(row.config)) as SessionConfig;
      const { owner, created_at: createdAt, expires_at: expiresAt, last_seq: lastSeq } = row;
      return { id, owner, config, createdAt, expiresAt, lastSeq: lastSeq ?? 0 };
    },

    async countSessions(owner) {
      const counted = await db
        .selectFrom('sessions')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('owner', '=', owner)
        .executeTakeFirstOrThrow();
      return counted.count;
    },

    async removeSession(id, epoch) {
      await writer.write({
        kind: 'append',
        session: id,
        epoch,
        rows: [],
        async also(trx) {
          await trx.deleteFrom('messages').where('session_id', '=', id).execute();
          await trx.deleteFrom('tasks').where('session_id', '=', id).execute();
          await trx.deleteFrom('controls').where('session_id', '=', id).execute();
          await trx.deleteFrom('sessions').where('id', '=', id).execute();
        },
      });
    },

    async findExpired(at, limit) {
      const rows = await db
        .selectFrom('sessions')
        .select('id')
        .where('expires_at', '<=', at)
        .orderBy('expires_at')
        .limit(limit)
        .execute();
      return rows.map(({ id }) => id);
    },

    async postpone(id, expiresAt) {
      await db.updateTable('sessions').set({ expires_at: expiresAt }).where('id', '=', id).execute();
    },

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
        const open = await selectOpenTasks(trx, id).execute();
        return {
          epoch: claimed.epoch,
          lastSeq: last?.seq ?? 0,
          lastTime: last?.time ?? 0,
          tasks: open.map(storedTask),
        };
      });
    },

    async renew(epochs) {
      if (engine === 'sqlite' || epochs.size === 0) return new Set(epochs.keys());
      const ids = [...epochs.keys()];
      const rows = await db
        .updateTable('sessions')
        .set({ lease_until: until })
        .where('id', 'in', ids)
        .where('node', '=', node)
        .returning(['id', 'epoch'])
        .execute();
      return new Set(rows.filter((row) => epochs.get(row.id) === row.epoch).map((row) => row.id));
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

    async enqueue(id, task, alone) {
      const row = {
        session_id: id,
        task_id: task.taskId,
        position: nextPosition(),
        body: taskBody(task),
        stream: task.stream ? 1 : 0,
        status: 'open' as const,
      };
      if (!alone) {
        if ((await writer.write({ kind: 'enqueue', session: id, row })) === true) return 'new';
        return compare(id, task);
      }
      const outcome = await run(id, async (trx) => {
        // Whoever else hands in a task here waits for this row.
        await trx
          .updateTable('sessions')
          .set({ owner: sql.ref('owner') })
          .where('id', '=', id)
          .execute();
        const known = await trx
          .selectFrom('tasks')
          .select(['task_id', 'status'])
          .where('session_id', '=', id)
          .where(({ eb, or }) => or([eb('task_id', '=', task.taskId), eb('status', '=', 'open')]))
          .execute();
        if (known.some((one) => one.task_id === task.taskId)) return 'known';
        if (known.length > 0) return 'busy';
        await trx.insertInto('tasks').values(row).execute();
        return 'new';
      });
      return outcome === 'known' ? compare(id, task) : outcome;
    },

    async openTasks(id) {
      return (await selectOpenTasks(db, id).execute()).map(storedTask);
    },

    async control(id, control) {
      const key = uuid();
      const taskId = control.kind === 'stop' ? (control.taskId ?? null) : null;
      const row = { session_id: id, key, position: nextPosition(), kind: control.kind, task_id: taskId };
      await run(id, (trx) => trx.insertInto('controls').values(row).execute());
      return key;
    },

    async isHandled(id, key) {
      const row = await db
        .selectFrom('controls')
        .select('key')
        .where('session_id', '=', id)
        .where('key', '=', key)
        .executeTakeFirst();
      return row === undefined;
    },

    async controls(id) {
      const rows = await db
        .selectFrom('controls')
        .select(['key', 'kind', 'task_id'])
        .where('session_id', '=', id)
        .orderBy('position')
        .execute();
      return rows.map(({ key, kind, task_id: taskId }) => ({
        key,
        control: kind === 'stop' && taskId !== null ? { kind, taskId } : { kind },
      }));
    },

    async handled(id, key) {
      await run(id, (trx) =>
        trx.deleteFrom('controls').where('session_id', '=', id).where('key', '=', key).execute(),
      );
    },

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

    onWake(hear) {
      wakeups?.listen((session, from) => {
        if (from !== node) hear(session);
      });
    },

    async lastSeqs(ids) {
      if (ids.length === 0) return new Map();
      const rows = await db
        .selectFrom('messages')
        .select(['session_id', ({ fn }) => fn.max('seq').as('seq')])
        .where('session_id', 'in', ids)
        .groupBy('session_id')
        .execute();
      return new Map(rows.map((row) => [row.session_id, row.seq]));
    },

    async close() {
      await writer.drain();
      await wakeups?.close();
      await db.destroy();
    },
  };
}

/** Form and content only: the same text is the same task. */
function taskBody({ form, content }: StoredTask): string {
  return JSON.stringify({ form, content });
}

function storedTask(row: Pick<Schema['tasks'], 'task_id' | 'body' | 'stream'>): StoredTask {
  const said = JSON.parse(row.body) as Pick<StoredTask, 'form' | 'content'>;
  return { taskId: row.task_id, ...said, stream: row.stream === 1 };
}

function messageRow(id: string, { seq, time, ...body }: Message): Schema['messages'] {
  return { session_id: id, seq, time, body: JSON.stringify(body) };
}
