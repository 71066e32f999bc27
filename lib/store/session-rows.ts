import type { Selectable, Transaction } from 'kysely';
import type { JsonObject } from '../common/json.ts';
import type { SessionConfig } from '../core/session-config.ts';
import type { Store, StoredSession } from '../core/store.ts';
import { messageRow } from './message-rows.ts';
import type { StoreNode } from './node.ts';
import { removeLines, removeTasks } from './remove-rows.ts';
import type { Schema } from './schema.ts';
import type { Vault } from './vault.ts';

/** Sessions as rows of their table. Their configurations are sealed. */
export function createSessionRows({
  db,
  vault,
  writer,
  life,
  run,
}: StoreNode): Pick<
  Store,
  | 'createSession'
  | 'findSession'
  | 'countSessions'
  | 'findSessions'
  | 'removeSession'
  | 'findExpired'
  | 'setExpiry'
  | 'attributes'
  | 'setAttributes'
> {
  return {
    async createSession(session, first) {
      const { sealed: config, length } = await vault.sealValue(session.config);
      const row = {
        id: session.id,
        owner: session.owner,
        config,
        config_bytes: length,
        created_at: session.createdAt,
        expires_at: session.expiresAt,
        epoch: 1,
        node: life.name,
        ...(session.attributes && { attributes: JSON.stringify(session.attributes) }),
      };
      // The session belongs to this node from its first moment: no other node can claim it in between.
      await run(session.id, async (trx) => {
        await trx.insertInto('sessions').values(row).execute();
        await trx
          .insertInto('messages')
          .values(messageRow(session.id, first, vault))
          .execute();
      });
      return { epoch: 1 };
    },

    async findSession(id) {
      const row = await db
        .selectFrom('sessions')
        .select(['id', 'owner', 'config', 'created_at', 'expires_at'])
        .select(({ selectFrom }) =>
          selectFrom('messages')
            .select(({ fn }) => fn.max('seq').as('seq'))
            .where('session_id', '=', id)
            .as('last_seq'),
        )
        .where('id', '=', id)
        .executeTakeFirst();
      if (!row) return undefined;
      return { ...(await sessionOf(row, vault)), lastSeq: row.last_seq ?? 0 };
    },

    async countSessions(owner) {
      // The index alone answers, without the rows and their configurations (migration 0100).
      const counted = await db
        .selectFrom('sessions')
        .select(({ fn }) => [
          fn.countAll<number>().as('count'),
          fn.sum<number | string | null>('config_bytes').as('bytes'),
        ])
        .where('owner', '=', owner)
        .executeTakeFirstOrThrow();
      return { count: counted.count, bytes: Number(counted.bytes ?? 0) };
    },

    async findSessions(owner, limit) {
      const rows = await db
        .selectFrom('sessions')
        .select('id')
        .where('owner', '=', owner)
        .limit(limit)
        .execute();
      return rows.map(({ id }) => id);
    },

    async removeSession(id, epoch) {
      // The rows of `calls` stay: the journal outlives the session, until retention prunes it.
      const remove = async (trx: Transaction<Schema>): Promise<void> => {
        await removeLines(trx, id);
        await removeTasks(trx, id);
        await trx.deleteFrom('controls').where('session_id', '=', id).execute();
        await trx.deleteFrom('questions').where('session_id', '=', id).execute();
        await trx.deleteFrom('sessions').where('id', '=', id).execute();
      };
      // Without an epoch no owner is asked: an owner that writes afterwards finds no session, and is refused.
      if (epoch === undefined) await run(id, remove);
      else await writer.write({ kind: 'append', session: id, epoch, rows: [], also: remove });
    },

    async attributes(id) {
      const row = await db
        .selectFrom('sessions')
        .select('attributes')
        .where('id', '=', id)
        .executeTakeFirst();
      return row?.attributes ? (JSON.parse(row.attributes) as JsonObject) : {};
    },

    async setAttributes(id, attributes) {
      const text = JSON.stringify(attributes);
      await db.updateTable('sessions').set({ attributes: text }).where('id', '=', id).execute();
    },

    async findExpired(at, limit) {
      const rows = await db
        .selectFrom('sessions')
        .select('id')
        // null is not below any time: such a session never expires.
        .where('expires_at', '<=', at)
        .orderBy('expires_at')
        .limit(limit)
        .execute();
      return rows.map(({ id }) => id);
    },

    async setExpiry(id, expiresAt) {
      await db.updateTable('sessions').set({ expires_at: expiresAt }).where('id', '=', id).execute();
    },
  };
}

/** The columns of a session. */
export type SessionRow = Pick<
  Selectable<Schema['sessions']>,
  'id' | 'owner' | 'config' | 'created_at' | 'expires_at'
>;

/** A session from its row. Rejects when its configuration was sealed with another key. */
export async function sessionOf(row: SessionRow, vault: Vault): Promise<StoredSession> {
  const { id, owner, created_at: createdAt, expires_at: expiresAt } = row;
  const { value: config } = await vault.openValue(row.config);
  return { id, owner, config: config as SessionConfig, createdAt, expiresAt };
}
