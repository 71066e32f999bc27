import { v4 as uuidOf } from 'uuid';
import { AppError } from '../errors.ts';
import type { RequestSource } from './audit.ts';
import type { Ground } from './ground.ts';
import type { ApiKeysTable } from './schema.ts';
import { hashOf, newSecretText } from './secret-text.ts';
import { noSuchUser, splitWords } from './user-rows.ts';

/** A key for machines, as it can be shown after it was made. */
export interface ApiKey {
  id: string;
  name: string;
  /** `sk-…1d9a`. */
  masked: string;
  /** The dialects it is for; empty: all. */
  dialects: string[];
  /** Ms since the epoch; null: never. */
  createdAt: number;
  usedAt: number | null;
  expiresAt: number | null;
}

export interface NewApiKey {
  name?: string;
  dialects?: readonly string[];
  /** Ms since the epoch. */
  expiresAt?: number;
  client?: RequestSource;
}

/** Keys for machines: they act for their user, wherever a bearer token is taken. Contract: rejects with an AppError. */
export interface ApiKeys {
  /** The key itself is given this once and stored as a hash. */
  create(uuid: string, options?: NewApiKey): Promise<ApiKey & { key: string }>;
  /** Those that are not revoked, newest first. */
  list(uuid: string): Promise<ApiKey[]>;
  /** False when the user has no such key. */
  revoke(uuid: string, id: string, client?: RequestSource): Promise<boolean>;
  /** Notes that a key was shown, once an hour. */
  used(id: string, uuid: string, client?: RequestSource): void;
  /** Resolves when what was noted is written. */
  drain(): Promise<void>;
}

const PREFIX = 'sk-';
const NOTE_EVERY_MS = 3600_000;

/** Whether a text has the form of a key. */
export function isApiKey(token: string): boolean {
  return token.startsWith(PREFIX);
}

/** Keys over their table. */
export function openApiKeys({ db, now, audit, endings }: Ground, onError: (error: unknown) => void): ApiKeys {
  /** When this process last noted a key's use. */
  const noted = new Map<string, number>();
  const writing = new Set<Promise<void>>();

  async function note(id: string, uuid: string, address: string | undefined): Promise<void> {
    const since = now() - NOTE_EVERY_MS;
    await db.transaction().execute(async (trx) => {
      const first = await trx
        .updateTable('api_keys')
        .set({ used_at: now() })
        .where('id', '=', id)
        .where(({ or, eb }) => or([eb('used_at', 'is', null), eb('used_at', '<=', since)]))
        .returning('id')
        .executeTakeFirst();
      if (first) await audit.record({ event: 'key_used', user: uuid, address, detail: { key: id } }, trx);
    });
  }

  return {
    async create(uuid, { name = '', dialects = [], expiresAt, client = {} } = {}) {
      if (dialects.some((dialect) => !/^[a-z]+$/.test(dialect)))
        throw new AppError('invalid_request', 'A key is for dialects, which are named by small letters.');
      const key = `${PREFIX}${newSecretText()}`;
      const row: ApiKeysTable = {
        id: uuidOf(),
        hash: hashOf(key),
        user_uuid: uuid,
        name: name.slice(0, 100),
        hint: key.slice(-4),
        scopes: dialects.join(' '),
        created_at: now(),
        used_at: null,
        until: expiresAt ?? null,
        ended_at: null,
      };
      await db.transaction().execute(async (trx) => {
        await trx.insertInto('api_keys').values(row).execute();
        const user = await trx.selectFrom('users').select('id').where('uuid', '=', uuid).executeTakeFirst();
        if (!user) throw noSuchUser();
        const { address } = client;
        await audit.record({ event: 'key_created', user: uuid, address, detail: { key: row.id } }, trx);
      });
      return { ...keyOf(row), key };
    },

    async list(uuid) {
      const rows = await db
        .selectFrom('api_keys')
        .selectAll()
        .where('user_uuid', '=', uuid)
        .where('ended_at', 'is', null)
        .orderBy('created_at', 'desc')
        .execute();
      return rows.map(keyOf);
    },

    async revoke(uuid, id, { address } = {}) {
      const revoked = await db.transaction().execute(async (trx) => {
        const row = await trx
          .updateTable('api_keys')
          .set({ ended_at: now() })
          .where('id', '=', id)
          .where('user_uuid', '=', uuid)
          .where('ended_at', 'is', null)
          .returning('id')
          .executeTakeFirst();
        if (row) await audit.record({ event: 'key_revoked', user: uuid, address, detail: { key: id } }, trx);
        return row !== undefined;
      });
      if (revoked) endings.tell(`key:${id}`);
      return revoked;
    },

    used(id, uuid, { address } = {}) {
      if ((noted.get(id) ?? -Infinity) > now() - NOTE_EVERY_MS) return;
      noted.set(id, now());
      const written = note(id, uuid, address)
        .catch(onError)
        .finally(() => writing.delete(written));
      writing.add(written);
    },
    async drain() {
      await Promise.all(writing);
    },
  };
}

function keyOf(row: ApiKeysTable): ApiKey {
  return {
    id: row.id,
    name: row.name,
    masked: `${PREFIX}…${row.hint}`,
    dialects: splitWords(row.scopes),
    createdAt: row.created_at,
    usedAt: row.used_at,
    expiresAt: row.until,
  };
}
