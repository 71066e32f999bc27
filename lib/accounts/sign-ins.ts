import type { Clock } from '../common/clock.ts';
import { AppError } from '../errors.ts';
import { lockRow } from '../store/lock-row.ts';
import type { AccessTokens } from './access-tokens.ts';
import type { RequestSource } from './audit.ts';
import type { AccountsContext } from './context.ts';
import { createRefreshTokens, type RefreshTokens } from './refresh-tokens.ts';
import type { AccountsDb, SignInsTable } from './schema.ts';
import { endAll, noSuchUser, userOf } from './user-rows.ts';
import type { User } from './users.ts';

/** The tokens that a client gets when it signs in, and with every refresh. */
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
  /** Ms since the epoch: when the user signed in, when tokens were last issued, when the sign-in ends at the latest. */
  createdAt: number;
  usedAt: number;
  until: number;
}

/** Lifetimes in ms: of an access token, of an unused sign-in, of any sign-in; 15 minutes, 30 days, 90 days when missing. */
export interface SignInLife {
  accessMs?: number;
  idleMs?: number;
  absoluteMs?: number;
}

/** A sign-in before it begins. */
export interface NewSignIn extends SignInLife {
  method: string;
  client?: RequestSource;
  /** The hash of the password that was checked: if the password has changed since then, the sign-in fails. */
  password?: string;
}

/**
 * Sign-ins and their tokens.
 *
 * Contract: rejects with an AppError; `unauthorized` for a text that is no valid refresh token.
 */
export interface SignIns {
  /** Signs a user in whose identity was proven. `unauthorized` for a disabled user. */
  begin(uuid: string, options: NewSignIn): Promise<Tokens>;
  /** New tokens for a refresh token. A repeat within ten seconds gets the same tokens; a later repeat ends the sign-in. */
  refresh(refreshToken: string, client?: RequestSource): Promise<Tokens>;
  /** A new access token; the refresh token stays as it is. For clients that keep one refresh token for its whole life. */
  renew(refreshToken: string): Promise<Tokens>;
  /** The sign-in of a refresh token that could be refreshed now, and its user; nothing changes. */
  find(refreshToken: string): Promise<{ signIn: SignIn; user: User }>;
  /** The open sign-ins of a user, newest first. */
  list(uuid: string): Promise<SignIn[]>;
  /** Signs out; false when the user has no such open sign-in. */
  end(uuid: string, id: string, client?: RequestSource): Promise<boolean>;
  /** Signs out everywhere, also where a client is getting tokens at the same moment. */
  endAll(uuid: string, client?: RequestSource): Promise<void>;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const ACCESS_MS = 15 * MINUTE;
const IDLE_MS = 30 * DAY;
const ABSOLUTE_MS = 90 * DAY;
/** Of a longer User-Agent only the beginning is kept. */
const AGENT_MAX_LENGTH = 200;

/** Sign-ins in the database. */
export function createSignIns(context: AccountsContext, accessTokens: AccessTokens): SignIns {
  return new StoredSignIns(context, accessTokens);
}

/** Sign-ins over their tables. */
class StoredSignIns implements SignIns {
  readonly #context: AccountsContext;
  readonly #accessTokens: AccessTokens;
  readonly #refreshTokens: RefreshTokens;

  constructor(context: AccountsContext, accessTokens: AccessTokens) {
    this.#context = context;
    this.#accessTokens = accessTokens;
    this.#refreshTokens = createRefreshTokens(context);
  }

  async begin(uuid: string, options: NewSignIn): Promise<Tokens> {
    const { db, clock, audit } = this.#context;
    const { method, client = {}, password } = options;
    const row = rowOf(uuid, options, clock);
    const { user, refreshToken } = await db.transaction().execute(async (trx) => {
      const found = await lockUser(trx, uuid, password);
      if (!found) throw new AppError('unauthorized', 'Signing in did not work.');
      await trx.insertInto('sign_ins').values(row).execute();
      const first = await this.#refreshTokens.first(trx, row.id);
      const detail = { method, signIn: row.id };
      await audit.record({ event: 'signed_in', user: uuid, address: client.address, detail }, trx);
      return { user: found, refreshToken: first };
    });
    return this.#tokensOf(row, user, refreshToken);
  }

  async refresh(refreshToken: string, client: RequestSource = {}): Promise<Tokens> {
    const { db, audit, endings } = this.#context;
    const outcome = await db.transaction().execute((trx) => this.#rotate(trx, refreshToken, client));
    if (!outcome) {
      audit.refused({ address: client.address, detail: { what: 'refresh token' } });
      throw badToken();
    }
    const { signIn, user, next } = outcome;
    if (next !== undefined) return this.#tokensOf(signIn, user, next);
    endings.tell(`signIn:${signIn.id}`);
    throw badToken();
  }

  async renew(refreshToken: string): Promise<Tokens> {
    const { db, clock } = this.#context;
    const { signIn, user } = await this.find(refreshToken);
    const row = await db
      .updateTable('sign_ins')
      .set({ used_at: clock.now() })
      .where('id', '=', signIn.id)
      .where('ended_at', 'is', null)
      .returningAll()
      .executeTakeFirst();
    if (!row) throw badToken();
    return this.#tokensOf(row, user, refreshToken);
  }

  async find(refreshToken: string): Promise<{ signIn: SignIn; user: User }> {
    const { db, clock } = this.#context;
    const row = await this.#refreshTokens.find(db, refreshToken);
    const user = row && (await activeUser(db, row.user_uuid));
    if (!row || !user || !isOpen(row, clock.now())) throw badToken();
    return { signIn: signInOf(row), user };
  }

  async list(uuid: string): Promise<SignIn[]> {
    const { db, clock } = this.#context;
    const rows = await db
      .selectFrom('sign_ins')
      .selectAll()
      .where('user_uuid', '=', uuid)
      .where('ended_at', 'is', null)
      .orderBy('created_at', 'desc')
      .execute();
    return rows.filter((row) => isOpen(row, clock.now())).map(signInOf);
  }

  async end(uuid: string, id: string, { address }: RequestSource = {}): Promise<boolean> {
    const { db, clock, audit, endings } = this.#context;
    const ended = await db.transaction().execute(async (trx) => {
      const row = await trx
        .updateTable('sign_ins')
        .set({ ended_at: clock.now() })
        .where('id', '=', id)
        .where('user_uuid', '=', uuid)
        .where('ended_at', 'is', null)
        .returning('id')
        .executeTakeFirst();
      if (!row) return false;
      await audit.record({ event: 'signed_out', user: uuid, address, detail: { signIn: id } }, trx);
      return true;
    });
    if (ended) endings.tell(`signIn:${id}`);
    return ended;
  }

  async endAll(uuid: string, { address }: RequestSource = {}): Promise<void> {
    const { db, clock, audit, endings } = this.#context;
    await db.transaction().execute(async (trx) => {
      if (!(await lockUser(trx, uuid))) throw noSuchUser();
      await endAll(trx, 'sign_ins', uuid, clock.now());
      await audit.record({ event: 'signed_out', user: uuid, address, detail: { everywhere: true } }, trx);
    });
    endings.tell(`user:${uuid}`);
  }

  /**
   * The token's child; undefined when the token belongs to no open sign-in. Without a child (`next`) the token is an old
   * one: somebody stole it or its child, nobody can say which, and the sign-in is ended.
   */
  async #rotate(
    trx: AccountsDb,
    refreshToken: string,
    { address }: RequestSource,
  ): Promise<{ signIn: SignInsTable; user: User; next: string | undefined } | undefined> {
    const { clock, audit } = this.#context;
    const signIn = await this.#refreshTokens.lock(trx, refreshToken);
    const user = signIn && (await activeUser(trx, signIn.user_uuid));
    if (!signIn || !user || !isOpen(signIn, clock.now())) return undefined;
    const next = await this.#refreshTokens.rotate(trx, refreshToken);
    // The end is committed although the caller gets an error: it must hold for the thief, too.
    const change = next === undefined ? { ended_at: clock.now() } : { used_at: clock.now() };
    await trx.updateTable('sign_ins').set(change).where('id', '=', signIn.id).execute();
    if (next === undefined) {
      const detail = { signIn: signIn.id };
      await audit.record({ event: 'token_reused', user: user.uuid, address, detail }, trx);
    }
    return { signIn, user, next };
  }

  /** The tokens of a sign-in for its client. */
  async #tokensOf(signIn: SignInsTable, user: User, refreshToken: string): Promise<Tokens> {
    const time = this.#context.clock.now();
    // The token says whole seconds, and never outlives the sign-in.
    const expiresAt = Math.min(time + signIn.access_ms, signIn.until);
    const { uuid, name, scopes } = user;
    const claims = { uuid, name, scopes, signIn: signIn.id, expiresAt };
    return {
      accessToken: await this.#accessTokens.sign(claims, time),
      expiresInSeconds: Math.floor((expiresAt - time) / 1000),
      refreshToken,
      signIn: signIn.id,
      user,
    };
  }
}

/** An active user, unchanged until the transaction ends: a call that ends all its sign-ins comes before or after. */
async function lockUser(trx: AccountsDb, uuid: string, password?: string): Promise<User | undefined> {
  const row = await lockRow(trx, 'users', 'updated_at')
    .where('uuid', '=', uuid)
    .where('disabled_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
  return row && (password === undefined || row.password === password) ? userOf(row) : undefined;
}

/** The user, unless it is disabled or removed. */
async function activeUser(on: AccountsDb, uuid: string): Promise<User | undefined> {
  const row = await on
    .selectFrom('users')
    .selectAll()
    .where('uuid', '=', uuid)
    .where('disabled_at', 'is', null)
    .executeTakeFirst();
  return row && userOf(row);
}

/** The row of a new sign-in. */
function rowOf(uuid: string, options: NewSignIn, clock: Clock): SignInsTable {
  const { method, client = {}, accessMs = ACCESS_MS, idleMs = IDLE_MS, absoluteMs = ABSOLUTE_MS } = options;
  const time = clock.now();
  return {
    id: clock.newId(),
    user_uuid: uuid,
    method,
    address: client.address ?? null,
    agent: client.agent?.slice(0, AGENT_MAX_LENGTH) ?? null,
    created_at: time,
    used_at: time,
    access_ms: accessMs,
    idle_ms: idleMs,
    until: time + absoluteMs,
    ended_at: null,
  };
}

/** Whether a sign-in has neither ended nor expired. */
function isOpen(
  { ended_at: endedAt, until, used_at: usedAt, idle_ms: idleMs }: SignInsTable,
  at: number,
): boolean {
  return endedAt === null && at < until && at < usedAt + idleMs;
}

/** The sign-in of a row. */
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

/** The answer for a refresh token that is unknown, used, or of a sign-in that ended. */
function badToken(): AppError {
  return new AppError('unauthorized', 'The refresh token is not valid: sign in again.');
}
