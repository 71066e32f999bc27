import type { Updateable } from 'kysely';
import { v4 as uuidOf } from 'uuid';
import type { Role } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import type { RequestSource } from './audit.ts';
import type { Ground } from './ground.ts';
import type { AccountsDb, UsersTable } from './schema.ts';
import { checkEmail, checkDisplayName, checkUsername, loginKey } from './user-names.ts';
import { endAll, noSuchUser, unlessTaken, userOf } from './user-rows.ts';

/** A person or machine with an account. */
export interface User {
  /** The integer id beside the uuid; never used twice. */
  id: number;
  uuid: string;
  /** What the user is called; not unique. */
  name: string;
  username: string | null;
  email: string | null;
  role: Role;
  /** What was granted beside the role. */
  scopes: string[];
  disabled: boolean;
  hasPassword: boolean;
  /** Ms since the epoch. */
  createdAt: number;
  updatedAt: number;
}

export interface NewUser {
  username?: string | undefined;
  email?: string | undefined;
  /** The username by default. */
  name?: string | undefined;
  role?: Role;
  /** Hashed. */
  password?: string | undefined;
}

export interface UserChanges {
  username?: string;
  email?: string | null;
  name?: string;
}

export interface UserPage {
  offset: number;
  limit: number;
  orderBy?: 'id' | 'name' | 'created_at' | 'updated_at';
  order?: 'asc' | 'desc';
}

/** Who did it, for the audit log. */
export interface By extends RequestSource {
  by?: string;
}

/**
 * The users.
 *
 * Contract: rejects with an AppError: `not_found` for an unknown uuid, `conflict` with the field as a fault when a username
 * or e-mail is taken (case and form do not tell them apart), `invalid_request` for one that cannot be.
 */
export interface Users {
  create(user: NewUser, by?: By): Promise<User>;
  find(uuid: string): Promise<User | undefined>;
  findById(id: number): Promise<User | undefined>;
  /** By username, e-mail or uuid. */
  findByLogin(login: string): Promise<User | undefined>;
  list(page: UserPage): Promise<{ users: User[]; total: number }>;
  count(): Promise<number>;
  change(uuid: string, changes: UserChanges, by?: By): Promise<User>;
  /** Holds from the next request on, and ends what is open. */
  setRole(uuid: string, role: Role, by?: By): Promise<User>;
  setScopes(uuid: string, scopes: readonly string[], by?: By): Promise<User>;
  /** Ends every sign-in; keys and sign-ins are refused until it is enabled again. */
  disable(uuid: string, by?: By): Promise<User>;
  enable(uuid: string, by?: By): Promise<User>;
  /** With identities, sign-ins and keys; the audit log stays. */
  remove(uuid: string, by?: By): Promise<void>;
}

/** The users in the database. */
export function openUsers({ db, now, audit, endings }: Ground): Users {
  async function where(column: 'uuid' | 'id' | 'username_key' | 'email_key', value: string | number) {
    const row = await db.selectFrom('users').selectAll().where(column, '=', value).executeTakeFirst();
    return row && userOf(row);
  }

  async function count(): Promise<number> {
    const { total } = await db
      .selectFrom('users')
      .select(({ fn }) => fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow();
    return total;
  }

  async function update(uuid: string, values: Updateable<UsersTable>, on: AccountsDb): Promise<User> {
    const row = await on
      .updateTable('users')
      .set({ ...values, updated_at: now() })
      .where('uuid', '=', uuid)
      .returningAll()
      .executeTakeFirst();
    if (!row) throw noSuchUser();
    return userOf(row);
  }

  return {
    create(user, by = {}) {
      return unlessTaken(() =>
        db.transaction().execute((trx) => insertUser({ now, audit }, trx, uuidOf(), user, by)),
      );
    },

    find: (uuid) => where('uuid', uuid),
    findById: (id) => where('id', id),
    async findByLogin(login) {
      const key = loginKey(login);
      // Nobody is shut out by another's username that looks like his e-mail.
      const [first, second] = key.includes('@')
        ? (['email_key', 'username_key'] as const)
        : (['username_key', 'email_key'] as const);
      return (await where(first, key)) ?? (await where(second, key)) ?? (await where('uuid', login));
    },

    count,

    async list({ offset, limit, orderBy = 'id', order = 'asc' }) {
      let query = db.selectFrom('users').selectAll().orderBy(orderBy, order);
      if (orderBy !== 'id') query = query.orderBy('id', order);
      const rows = await query.limit(limit).offset(offset).execute();
      return { users: rows.map(userOf), total: await count() };
    },

    async change(uuid, { username, email, name }, { by, address } = {}) {
      const values: Updateable<UsersTable> = {};
      if (username !== undefined)
        Object.assign(values, { username: checkUsername(username), username_key: loginKey(username) });
      if (email !== undefined)
        Object.assign(values, {
          email: email === null ? null : checkEmail(email),
          email_key: email === null ? null : loginKey(email),
        });
      const before = await where('uuid', uuid);
      if (!before) throw noSuchUser();
      // Who is called by the username goes on being called by it.
      if (name !== undefined) values.name = checkDisplayName(name);
      else if (username !== undefined && before.name === before.username)
        values.name = checkUsername(username);
      const detail = { by, fields: Object.keys(values).join(' ') };
      return unlessTaken(() =>
        db.transaction().execute(async (trx) => {
          const user = await update(uuid, values, trx);
          await audit.record({ event: 'user_changed', user: uuid, address, detail }, trx);
          return user;
        }),
      );
    },

    async setRole(uuid, role, { by, address } = {}) {
      const user = await db.transaction().execute(async (trx) => {
        const changed = await update(uuid, { role, revoked_at: now() }, trx);
        await audit.record({ event: 'role_changed', user: uuid, address, detail: { by, role } }, trx);
        return changed;
      });
      endings.tell(`user:${uuid}`);
      return user;
    },

    async setScopes(uuid, scopes, { by, address } = {}) {
      const text = scopes.join(' ');
      if (scopes.some((scope) => !/^[\w:.-]+$/.test(scope)))
        throw new AppError('invalid_request', 'A scope has letters, digits and the signs _ : . - only.');
      return db.transaction().execute(async (trx) => {
        const user = await update(uuid, { scopes: text }, trx);
        await audit.record(
          { event: 'scopes_changed', user: uuid, address, detail: { by, scopes: text } },
          trx,
        );
        return user;
      });
    },

    async disable(uuid, { by, address } = {}) {
      const user = await db.transaction().execute(async (trx) => {
        const changed = await update(uuid, { disabled_at: now(), revoked_at: now() }, trx);
        await endAll(trx, 'sign_ins', uuid, now());
        await audit.record({ event: 'user_disabled', user: uuid, address, detail: { by } }, trx);
        return changed;
      });
      endings.tell(`user:${uuid}`);
      return user;
    },

    async enable(uuid, { by, address } = {}) {
      return db.transaction().execute(async (trx) => {
        const user = await update(uuid, { disabled_at: null }, trx);
        await audit.record({ event: 'user_enabled', user: uuid, address, detail: { by } }, trx);
        return user;
      });
    },

    async remove(uuid, { by, address } = {}) {
      await db.transaction().execute(async (trx) => {
        const gone = await trx
          .deleteFrom('users')
          .where('uuid', '=', uuid)
          .returning('id')
          .executeTakeFirst();
        if (!gone) throw noSuchUser();
        await trx.deleteFrom('identities').where('user_uuid', '=', uuid).execute();
        // Ended, not deleted: whoever holds something open on another node learns of it from these rows.
        await endAll(trx, 'sign_ins', uuid, now());
        await endAll(trx, 'api_keys', uuid, now());
        await audit.record({ event: 'user_removed', user: uuid, address, detail: { by } }, trx);
      });
      endings.tell(`user:${uuid}`);
    },
  };
}

/** Writes a new user, and that it was made, into a transaction. Throws `invalid_request`; the database refuses what is taken. */
export async function insertUser(
  { now, audit }: Pick<Ground, 'now' | 'audit'>,
  trx: AccountsDb,
  uuid: string,
  user: NewUser,
  { by, address }: By,
): Promise<User> {
  const { username, email, password, role = 'user' } = user;
  const name = user.name ?? username ?? email;
  if (name === undefined) throw new AppError('invalid_request', 'A user needs a name.');
  const row = {
    uuid,
    username: username === undefined ? null : checkUsername(username),
    username_key: username === undefined ? null : loginKey(username),
    name: checkDisplayName(name),
    email: email === undefined ? null : checkEmail(email),
    email_key: email === undefined ? null : loginKey(email),
    role,
    scopes: '',
    password: password ?? null,
    disabled_at: null,
    revoked_at: null,
    created_at: now(),
    updated_at: now(),
  };
  const made = await trx.insertInto('users').values(row).returningAll().executeTakeFirstOrThrow();
  await audit.record({ event: 'user_created', user: uuid, address, detail: { by, role } }, trx);
  return userOf(made);
}
