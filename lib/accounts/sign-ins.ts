import { v4 as uuidOf } from 'uuid';
import { AppError } from '../errors.ts';
import { lockRow } from '../store/lock-row.ts';
import type { AccessTokens } from './access-tokens.ts';
import type { RequestSource } from './audit.ts';
import type { Ground } from './ground.ts';
import { createRefreshTokens } from './refresh-tokens.ts';
import type { AccountsDb, SignInsTable } from './schema.ts';
import { endAll, noSuchUser, userOf } from './user-rows.ts';
import type { User } from './users.ts';

/** What a client gets when it has signed in, and whenever it refreshes. */
export interface Tokens {
  accessToken: string;
  expiresInSeconds: number;
  refreshToken: string;
  signIn: string;
  user: User;
}

/** One of a user's sign-ins. */
export interface SignIn {
  id: string;
  /** `password`, `telephone`, `github`, `command line`… */
  method: string;
  address: string | undefined;
  agent: string | undefined;
  /** Ms since the epoch: when the user proved who it is, when tokens were last taken, when it ends at the latest. */
  createdAt: number;
  usedAt: number;
  until: number;
}

/** How long things live; the defaults are 15 minutes, 30 days, 90 days. */
export interface SignInLife {
  accessMs?: number;
  idleMs?: number;
  absoluteMs?: number;
}

export interface NewSignIn extends SignInLife {
  method: string;
  client?: RequestSource;
  /** The hash of the password that was checked: nobody gets in who was slower than its change. */
  password?: string;
}

/**
 * Sign-ins and their tokens.
 *
 * Contract: rejects with an AppError; `unauthorized` for a refresh token that is not good, or is not one.
 */
export interface SignIns {
  /** Signs a user in whose identity was proven. `unauthorized` for a disabled user. */
  begin(uuid: string, options: NewSignIn): Promise<Tokens>;
  /** New tokens for a refresh token; the same ones for its second showing within ten seconds, and the end for any later one. */
  refresh(refreshToken: string, client?: RequestSource): Promise<Tokens>;
  /** The sign-in of a refresh token that could be refreshed now, and its user; nothing changes. */
  find(refreshToken: string): Promise<{ signIn: SignIn; user: User }>;
  /** Those that are not over, newest first. */
  list(uuid: string): Promise<SignIn[]>;
  /** Signs out; false when the user has no such sign-in that is not over. */
  end(uuid: string, id: string, client?: RequestSource): Promise<boolean>;
  /** Signs out everywhere, also where tokens are on the way just now. */
  endAll(uuid: string, client?: RequestSource): Promise<void>;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const ACCESS_MS = 15 * MINUTE;
const IDLE_MS = 30 * DAY;
const ABSOLUTE_MS = 90 * DAY;

/** Sign-ins in the database. */
export function openSignIns(ground: Ground, accessTokens: AccessTokens): SignIns {
  const { db, now, audit, endings } = ground;
  const refreshTokens = createRefreshTokens(ground);

  async function tokensOf(signIn: SignInsTable, user: User, refreshToken: string): Promise<Tokens> {
    // The token says whole seconds: it never outlives what it was made from.
    const time = now();
    const expiresAt = Math.min(time + signIn.access_ms, signIn.until);
    const { uuid, name, scopes } = user;
    const claims = { uuid, name, scopes, signIn: signIn.id, expiresAt };
    return {
      accessToken: await accessTokens.sign(claims),
      expiresInSeconds: Math.floor((expiresAt - time) / 1000),
      refreshToken,
      signIn: signIn.id,
      user,
    };
  }

  /** The user as it is and will be until the transaction ends: what ends all sign-ins comes before or after. */
  async function lockUser(trx: AccountsDb, uuid: string, password?: string): Promise<User | undefined> {
    const row = await lockRow(trx, 'users', 'updated_at')
      .where('uuid', '=', uuid)
      .where('disabled_at', 'is', null)
      .returningAll()
      .executeTakeFirst();
    return row && (password === undefined || row.password === password) ? userOf(row) : undefined;
  }

  async function activeUser(on: AccountsDb, uuid: string): Promise<User | undefined> {
    const row = await on
      .selectFrom('users')
      .selectAll()
      .where('uuid', '=', uuid)
      .where('disabled_at', 'is', null)
      .executeTakeFirst();
    return row && userOf(row);
  }

  return {
    async begin(uuid, options) {
      const { method, client = {}, password } = options;
      const { accessMs = ACCESS_MS, idleMs = IDLE_MS, absoluteMs = ABSOLUTE_MS } = options;
      const time = now();
      const row: SignInsTable = {
        id: uuidOf(),
        user_uuid: uuid,
        method,
        address: client.address ?? null,
        agent: client.agent?.slice(0, 200) ?? null,
        created_at: time,
        used_at: time,
        access_ms: accessMs,
        idle_ms: idleMs,
        until: time + absoluteMs,
        ended_at: null,
      };
      const { user, refreshToken } = await db.transaction().execute(async (trx) => {
        const found = await lockUser(trx, uuid, password);
        if (!found) throw new AppError('unauthorized', 'Signing in did not work.');
        await trx.insertInto('sign_ins').values(row).execute();
        const first = await refreshTokens.first(trx, row.id);
        const { address } = client;
        await audit.record(
          { event: 'signed_in', user: uuid, address, detail: { method, signIn: row.id } },
          trx,
        );
        return { user: found, refreshToken: first };
      });
      return tokensOf(row, user, refreshToken);
    },

    async refresh(refreshToken, client = {}) {
      const outcome = await db.transaction().execute(async (trx) => {
        const signIn = await refreshTokens.lock(trx, refreshToken);
        const user = signIn && (await activeUser(trx, signIn.user_uuid));
        if (!signIn || !user || !isOpen(signIn, now())) return undefined;
        const next = await refreshTokens.rotate(trx, refreshToken);
        if (next !== undefined) {
          await trx.updateTable('sign_ins').set({ used_at: now() }).where('id', '=', signIn.id).execute();
          return { signIn, user, next };
        }
        // Whoever shows an old token, or has made it old, stole it: nobody can say which.
        await trx.updateTable('sign_ins').set({ ended_at: now() }).where('id', '=', signIn.id).execute();
        const { address } = client;
        await audit.record(
          { event: 'token_reused', user: user.uuid, address, detail: { signIn: signIn.id } },
          trx,
        );
        return { signIn, user, next };
      });
      if (!outcome) {
        audit.refused({ address: client.address, detail: { what: 'refresh token' } });
        throw notGood();
      }
      const { signIn, user, next } = outcome;
      if (next !== undefined) return tokensOf(signIn, user, next);
      endings.tell(`signIn:${signIn.id}`);
      throw notGood();
    },

    async find(refreshToken) {
      const row = await refreshTokens.find(db, refreshToken);
      const user = row && (await activeUser(db, row.user_uuid));
      if (!row || !user || !isOpen(row, now())) throw notGood();
      return { signIn: signInOf(row), user };
    },

    async list(uuid) {
      const rows = await db
        .selectFrom('sign_ins')
        .selectAll()
        .where('user_uuid', '=', uuid)
        .where('ended_at', 'is', null)
        .orderBy('created_at', 'desc')
        .execute();
      return rows.filter((row) => isOpen(row, now())).map(signInOf);
    },

    async end(uuid, id, client = {}) {
      const ended = await db.transaction().execute(async (trx) => {
        const row = await trx
          .updateTable('sign_ins')
          .set({ ended_at: now() })
          .where('id', '=', id)
          .where('user_uuid', '=', uuid)
          .where('ended_at', 'is', null)
          .returning('id')
          .executeTakeFirst();
        if (!row) return false;
        const { address } = client;
        await audit.record({ event: 'signed_out', user: uuid, address, detail: { signIn: id } }, trx);
        return true;
      });
      if (ended) endings.tell(`signIn:${id}`);
      return ended;
    },

    async endAll(uuid, { address } = {}) {
      await db.transaction().execute(async (trx) => {
        if (!(await lockUser(trx, uuid))) throw noSuchUser();
        await endAll(trx, 'sign_ins', uuid, now());
        await audit.record({ event: 'signed_out', user: uuid, address, detail: { everywhere: true } }, trx);
      });
      endings.tell(`user:${uuid}`);
    },
  };
}

function isOpen(
  { ended_at: endedAt, until, used_at: usedAt, idle_ms: idleMs }: SignInsTable,
  at: number,
): boolean {
  return endedAt === null && at < until && at < usedAt + idleMs;
}

function signInOf(row: SignInsTable): SignIn {
  return {
    id: row.id,
    method: row.method,
    address: row.address ?? undefined,
    agent: row.agent ?? undefined,
    createdAt: row.created_at,
    usedAt: row.used_at,
    until: row.until,
  };
}

function notGood(): AppError {
  return new AppError('unauthorized', 'The refresh token is not good: sign in again.');
}
