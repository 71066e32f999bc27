import { sql, type Kysely, type Transaction } from 'kysely';
import type { Claim, ClaimedSession, Store } from '../core/store.ts';
import { AppError } from '../errors.ts';
import { listControlsOf, listOpenTasksOf } from './inbox.ts';
import type { StoreNode } from './node.ts';
import type { Schema } from './schema.ts';
import { sessionOf, type SessionRow } from './session-rows.ts';

/** Sessions with work that no living node owns. Each batch is claimed, and its work read, in one transaction. */
export function createOrphans(node: StoreNode): Pick<Store, 'claimOrphans'> {
  return {
    async claimOrphans(limit) {
      // Found without a lock: another node may claim some of them first, and `claimBatch` leaves those out.
      const ids = await findOrphans(node, limit);
      if (ids.length === 0) return [];
      const batch = await node.db.transaction().execute((trx) => claimBatch(trx, node, ids));
      // After the commit: opening a large configuration takes a while, and would hold the locks.
      return Promise.all(batch.map((one) => openClaimed(one, node)));
    },
  };
}

/** The oldest work first, so that none waits for ever behind newer work. */
async function findOrphans({ db, life }: StoreNode, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('sessions')
    .innerJoin(
      (from) =>
        from
          .selectFrom(waitingWork(db))
          .select('session_id')
          .select(({ fn }) => fn.min('position').as('since'))
          .groupBy('session_id')
          .as('waiting'),
      (join) => join.onRef('waiting.session_id', '=', 'sessions.id'),
    )
    .select('sessions.id')
    .where(life.orphaned())
    .orderBy('waiting.since')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

/** The open tasks and the requests to owners, as one list. */
function waitingWork(db: Kysely<Schema>) {
  return db
    .selectFrom('tasks')
    .select(['session_id', 'position'])
    .where('status', '=', 'open')
    .unionAll(db.selectFrom('controls').select(['session_id', 'position']))
    .as('work');
}

/** A claimed session as its rows say. */
interface ClaimedRows {
  /** The configuration in it is still sealed. */
  row: SessionRow & { epoch: number };
  claim: Claim;
  tasks: ClaimedSession['tasks'];
  controls: ClaimedSession['controls'];
}

/** Claims the sessions that are orphaned still, and reads the work that waits in them. Resolves with fewer than `ids`, or none. */
async function claimBatch(
  trx: Transaction<Schema>,
  { locks, life }: StoreNode,
  ids: readonly string[],
): Promise<ClaimedRows[]> {
  const rows = await trx
    .updateTable('sessions')
    .set(({ eb }) => ({ epoch: eb('epoch', '+', 1), node: life.name }))
    .where('id', 'in', ({ selectFrom }) =>
      // A session that another node has locked is being claimed by that node.
      locks.takeFree(selectFrom('sessions').select('id').where('id', 'in', ids).where(life.orphaned())),
    )
    .returning(['id', 'owner', 'config', 'created_at', 'expires_at', 'epoch'])
    .execute();
  const claimed = rows.map(({ id }) => id);
  if (claimed.length === 0) return [];
  const ends = await lastLines(trx, claimed);
  const tasks = await listOpenTasksOf(trx, claimed);
  const controls = await listControlsOf(trx, claimed);
  return rows.map((row) => ({
    row,
    // The zeros are for a log without lines, which has no row in `ends`.
    claim: { epoch: row.epoch, lastSeq: 0, lastTime: 0, ...ends.get(row.id) },
    tasks: tasks.get(row.id) ?? [],
    controls: controls.get(row.id) ?? [],
  }));
}

/** The end of each log; a session without lines is missing. */
async function lastLines(
  trx: Transaction<Schema>,
  ids: readonly string[],
): Promise<Map<string, Omit<Claim, 'epoch'>>> {
  const { rows } = await sql<{ session_id: string; seq: number; time: number }>`
    select m.session_id, m.seq, m.time from messages m
    join (select session_id, max(seq) as seq from messages where session_id in (${sql.join(ids)}) group by session_id) last
      on last.session_id = m.session_id and last.seq = m.seq`.execute(trx);
  return new Map(rows.map(({ session_id: id, seq, time }) => [id, { lastSeq: seq, lastTime: time }]));
}

/** Opens the sealed configuration. A session that cannot be opened is reported, and keeps no other from being taken over. */
async function openClaimed(
  { row, claim, tasks, controls }: ClaimedRows,
  { vault }: StoreNode,
): Promise<ClaimedSession> {
  try {
    return { id: row.id, claim, tasks, controls, session: await sessionOf(row, vault) };
  } catch (error) {
    const failure =
      error instanceof AppError
        ? error
        : new AppError('internal', 'The session cannot be read.', { cause: error });
    return { id: row.id, claim, tasks, controls, session: failure };
  }
}
