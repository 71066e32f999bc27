import { AppError } from '../errors.ts';
import { requireRecordRoom } from '../store/record-room.ts';
import type { RequestSource } from './audit.ts';
import type { AccountsContext } from './context.ts';
import { isKeyScope, keyScopes } from './permissions.ts';
import type { ApiKeysTable } from './schema.ts';
import { hashOf, newSecretText } from './secret-text.ts';
import { noSuchUser, splitWords } from './user-rows.ts';

/** A key for machines, without its secret text. */
export interface ApiKey {
  /** For lists and for revoking; it is no secret. */
  id: string;
  name: string;
  /** `sk-…1d9a`. */
  masked: string;
  /** The dialects that the key is for; empty: all. */
  dialects: string[];
  /** The actions that the key is for (permissions.ts): `chat`, `devices`, `admin`, `app:<id>`. A key never exceeds its user. */
  scopes: string[];
  /** Ms since the epoch; null: never. */
  createdAt: number;
  usedAt: number | null;
  expiresAt: number | null;
}

/** A key before it is made. */
export interface NewApiKey {
  name?: string;
  dialects?: readonly string[];
  /** `chat` and `devices` when missing: a key that manages users is asked for by name. */
  scopes?: readonly string[];
  /** Ms since the epoch. */
  expiresAt?: number;
  client?: RequestSource;
}

/** Keys for machines: a key acts for its user, wherever a bearer token is accepted. Contract: rejects with an AppError. */
export interface ApiKeys {
  /** The secret text is in this answer only; its hash is stored. Rejects with `too_many_requests` where the user has too many. */
  create(uuid: string, options?: NewApiKey): Promise<ApiKey & { key: string }>;
  /** The keys that are not revoked, newest first. */
  list(uuid: string): Promise<ApiKey[]>;
  /** False when the user has no such key. */
  revoke(uuid: string, id: string, client?: RequestSource): Promise<boolean>;
  /** Notes that a key was used, once an hour. */
  used(id: string, uuid: string, client?: RequestSource): void;
  /** Resolves when all notes are written. */
  drain(): Promise<void>;
}

/** A key talks to models and devices, as its user does every day. */
const STANDARD_SCOPES = ['chat', 'devices'] as const;
/** The form of a key shows what it is, also to programs that search for leaked secrets. */
const PREFIX = 'sk-';
const NAME_MAX_LENGTH = 100;
/** So many of the last characters are kept in clear, to tell keys apart. */
const HINT_LENGTH = 4;
/** A key's use is noted once in this time, so that a busy key costs no write a request. */
const NOTE_EVERY_MS = 3600_000;

/** Whether a text has the form of a key. */
export function isApiKey(token: string): boolean {
  return token.startsWith(PREFIX);
}

/** Keys over their table; a user may have `maxCount`. `onError` receives notes that could not be written. */
export function createApiKeys(
  { db, clock, audit, endings }: AccountsContext,
  maxCount: number,
  onError: (error: unknown) => void,
): ApiKeys {
  /** When this process last noted a key's use. */
  const noted = new Map<string, number>();
  const writing = new Set<Promise<void>>();

  async function note(id: string, uuid: string, address: string | undefined): Promise<void> {
    const since = clock.now() - NOTE_EVERY_MS;
    await db.transaction().execute(async (trx) => {
      const first = await trx
        .updateTable('api_keys')
        .set({ used_at: clock.now() })
        .where('id', '=', id)
        .where(({ or, eb }) => or([eb('used_at', 'is', null), eb('used_at', '<=', since)]))
        .returning('id')
        .executeTakeFirst();
      if (first) await audit.record({ event: 'key_used', user: uuid, address, detail: { key: id } }, trx);
    });
  }

  return {
    async create(uuid, { name = '', dialects = [], scopes = STANDARD_SCOPES, expiresAt, client = {} } = {}) {
      if (dialects.some((dialect) => !/^[a-z]+$/.test(dialect)))
        throw new AppError('invalid_request', 'The name of a dialect has small letters only.');
      checkScopes(scopes);
      const key = `${PREFIX}${newSecretText()}`;
      const row: ApiKeysTable = {
        id: clock.newId(),
        hash: hashOf(key),
        user_uuid: uuid,
        name: name.slice(0, NAME_MAX_LENGTH),
        hint: key.slice(-HINT_LENGTH),
        dialects: dialects.join(' '),
        scopes: [...new Set(scopes)].join(' '),
        created_at: clock.now(),
        used_at: null,
        until: expiresAt ?? null,
        ended_at: null,
      };
      await db.transaction().execute(async (trx) => {
        // Revoked keys do not count.
        const own = trx.selectFrom('api_keys').where('user_uuid', '=', uuid).where('ended_at', 'is', null);
        await requireRecordRoom(trx, { owner: uuid, kind: 'keys', own, maxCount });
        await trx.insertInto('api_keys').values(row).execute();
        const user = await trx.selectFrom('users').select('id').where('uuid', '=', uuid).executeTakeFirst();
        if (!user) throw noSuchUser();
        const { address } = client;
        await audit.record({ event: 'key_created', user: uuid, address, detail: { key: row.id } }, trx);
      });
      return { ...apiKeyOf(row), key };
    },

    async list(uuid) {
      const rows = await db
        .selectFrom('api_keys')
        .selectAll()
        .where('user_uuid', '=', uuid)
        .where('ended_at', 'is', null)
        .orderBy('created_at', 'desc')
        .execute();
      return rows.map(apiKeyOf);
    },

    async revoke(uuid, id, { address } = {}) {
      const revoked = await db.transaction().execute(async (trx) => {
        const row = await trx
          .updateTable('api_keys')
          .set({ ended_at: clock.now() })
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
      // This node has noted it within the hour. The notes of other nodes are seen by `note`.
      if ((noted.get(id) ?? -Infinity) > clock.now() - NOTE_EVERY_MS) return;
      // Before the note is written, so that requests at the same time write one.
      noted.set(id, clock.now());
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

/** Throws `invalid_request` with each text that is no scope. */
function checkScopes(scopes: readonly string[]): void {
  const faults = scopes.flatMap((scope, at) =>
    isKeyScope(scope) ? [] : [{ pointer: `/scopes/${at}`, detail: `"${scope.slice(0, 50)}" is no scope` }],
  );
  if (scopes.length === 0) faults.push({ pointer: '/scopes', detail: 'is empty' });
  if (faults.length === 0) return;
  const text = faults.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ');
  throw new AppError(
    'invalid_request',
    `The scopes of a key are ${keyScopes.join(', ')} and app:<id>: ${text}.`,
    {
      faults,
    },
  );
}

/** The key of a row. */
function apiKeyOf(row: ApiKeysTable): ApiKey {
  return {
    id: row.id,
    name: row.name,
    masked: `${PREFIX}…${row.hint}`,
    dialects: splitWords(row.dialects),
    scopes: splitWords(row.scopes),
    createdAt: row.created_at,
    usedAt: row.used_at,
    expiresAt: row.until,
  };
}
