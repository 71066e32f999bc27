import type { Updateable } from 'kysely';
import type { Role } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import type { AuditEntry, AuditEvent, RequestSource } from './audit.ts';
import type { AccountsContext } from './context.ts';
import type { AccountsDb, UsersTable } from './schema.ts';
import { checkDisplayName, checkEmail, checkUsername, loginKey } from './user-names.ts';
import { createUserLookup } from './user-lookup.ts';
import type { UserRemovals } from './user-removal.ts';
import { endAll, noSuchUser, unlessTaken, userOf } from './user-rows.ts';

/** A person or machine with an account. */
export interface User {
  /** The integer id beside the uuid; never used twice. */
  id: number;
  uuid: string;
  /** The user's name for people; not unique. */
  name: string;
  username: string | null;
  email: string | null;
  role: Role;
  /** Rights that were granted beside the role. */
  scopes: string[];
  /** False: the user made this account himself, and may not use devices before an admin approves it. */
  approved: boolean;
  disabled: boolean;
  hasPassword: boolean;
  /** Ms since the epoch. */
  createdAt: number;
  updatedAt: number;
}

/** A user before it is made. */
export interface NewUser {
  username?: string | undefined;
  email?: string | undefined;
  /** The username by default. */
  name?: string | undefined;
  role?: Role;
  /** The hash of the password. */
  password?: string | undefined;
}

/** Changes of a user; a missing field stays. */
export interface UserChanges {
  username?: string;
  email?: string | null;
  name?: string;
}

/** A part of the list of users. */
export interface UserPage {
  offset: number;
  limit: number;
  orderBy?: 'id' | 'name' | 'created_at' | 'updated_at';
  order?: 'asc' | 'desc';
}

/** The actor of a change, for the audit log. */
export interface By extends RequestSource {
  by?: string;
}

/**
 * The users.
 *
 * Contract: rejects with an AppError: `not_found` for an unknown uuid, `conflict` with the field as a fault when a username
 * or e-mail is taken (compared without case and form), `invalid_request` for one that is not allowed.
 */
export interface Users {
  /** Makes a user for an operator or an admin; the user is approved. */
  create(user: NewUser, by?: By): Promise<User>;
  /** Makes a user for the person who asks for it. The caller has asked `Registration`, which says whether it is approved. */
  register(user: NewUser, approved: boolean, by?: By): Promise<User>;
  find(uuid: string): Promise<User | undefined>;
  findById(id: number): Promise<User | undefined>;
  /** By uuid, e-mail or username, in this order. */
  findByLogin(login: string): Promise<User | undefined>;
  /** The names for people of these users, by uuid; without those that are no users. */
  namesOf(uuids: Iterable<string>): Promise<Map<string, string>>;
  list(page: UserPage): Promise<{ users: User[]; total: number }>;
  count(): Promise<number>;
  change(uuid: string, changes: UserChanges, by?: By): Promise<User>;
  /** The role counts from the next request on; open connections of the user end. */
  setRole(uuid: string, role: Role, by?: By): Promise<User>;
  setScopes(uuid: string, scopes: readonly string[], by?: By): Promise<User>;
  /** Lets the user use devices from the next request on; open connections of the user end, because they know the old state. */
  approve(uuid: string, by?: By): Promise<User>;
  /** Ends every sign-in; keys and sign-ins are refused until it is enabled again. */
  disable(uuid: string, by?: By): Promise<User>;
  enable(uuid: string, by?: By): Promise<User>;
  /** Removes the user with everything that the server keeps about it, except the audit log (user-removal.ts). */
  remove(uuid: string, by?: By): Promise<void>;
}

/** The methods that find users, and change none. */
export type UserLookup = Pick<Users, 'find' | 'findById' | 'findByLogin' | 'namesOf'>;

/** The users in the database. */
export function createUsers(context: AccountsContext, removals: Pick<UserRemovals, 'remove'>): Users {
  return new StoredUsers(context, removals);
}

/** Users over their table. */
class StoredUsers implements Users {
  readonly #context: AccountsContext;
  readonly #removals: Pick<UserRemovals, 'remove'>;
  readonly #lookup: UserLookup;

  constructor(context: AccountsContext, removals: Pick<UserRemovals, 'remove'>) {
    this.#context = context;
    this.#lookup = createUserLookup(context.db);
    this.#removals = removals;
  }

  create(user: NewUser, by: By = {}): Promise<User> {
    return this.register(user, true, by);
  }

  register(user: NewUser, approved: boolean, by: By = {}): Promise<User> {
    const { db, clock } = this.#context;
    return unlessTaken(() =>
      db
        .transaction()
        .execute((trx) => insertUser(this.#context, trx, { uuid: clock.newId(), approved, ...user }, by)),
    );
  }

  find(uuid: string): Promise<User | undefined> {
    return this.#lookup.find(uuid);
  }

  findById(id: number): Promise<User | undefined> {
    return this.#lookup.findById(id);
  }

  findByLogin(login: string): Promise<User | undefined> {
    return this.#lookup.findByLogin(login);
  }

  namesOf(uuids: Iterable<string>): Promise<Map<string, string>> {
    return this.#lookup.namesOf(uuids);
  }

  async count(): Promise<number> {
    const { total } = await this.#context.db
      .selectFrom('users')
      .select(({ fn }) => fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow();
    return total;
  }

  async list(page: UserPage): Promise<{ users: User[]; total: number }> {
    const { offset, limit, orderBy = 'id', order = 'asc' } = page;
    let query = this.#context.db.selectFrom('users').selectAll().orderBy(orderBy, order);
    // Equal names would come in any order, and pages would miss some of them.
    if (orderBy !== 'id') query = query.orderBy('id', order);
    const rows = await query.limit(limit).offset(offset).execute();
    return { users: rows.map(userOf), total: await this.count() };
  }

  async change(uuid: string, changes: UserChanges, by: By = {}): Promise<User> {
    const { username, email, name } = changes;
    const values: Updateable<UsersTable> = {};
    if (username !== undefined)
      Object.assign(values, { username: checkUsername(username), username_key: loginKey(username) });
    if (email !== undefined)
      Object.assign(values, {
        email: email === null ? null : checkEmail(email),
        email_key: email === null ? null : loginKey(email),
      });
    const before = await this.find(uuid);
    if (!before) throw noSuchUser();
    // A name that is the username stays the username.
    if (name !== undefined) values.name = checkDisplayName(name);
    else if (username !== undefined && before.name === before.username) values.name = checkUsername(username);
    const detail = { fields: Object.keys(values).join(' ') };
    return unlessTaken(() => this.#write(uuid, values, 'user_changed', by, detail));
  }

  async setRole(uuid: string, role: Role, by: By = {}): Promise<User> {
    // Open connections know the old role: `revoked_at` ends them on other nodes, too.
    const values = { role, revoked_at: this.#context.clock.now() };
    const user = await this.#write(uuid, values, 'role_changed', by, { role });
    this.#context.endings.tell(`user:${uuid}`);
    return user;
  }

  async setScopes(uuid: string, scopes: readonly string[], by: By = {}): Promise<User> {
    const text = scopes.join(' ');
    if (scopes.some((scope) => !/^[\w:.-]+$/.test(scope)))
      throw new AppError('invalid_request', 'A scope has letters, digits and the signs _ : . - only.');
    return this.#write(uuid, { scopes: text }, 'scopes_changed', by, { scopes: text });
  }

  async approve(uuid: string, by: By = {}): Promise<User> {
    const now = this.#context.clock.now();
    const values = { approved_at: now, revoked_at: now };
    const user = await this.#write(uuid, values, 'user_approved', by, {});
    this.#context.endings.tell(`user:${uuid}`);
    return user;
  }

  async disable(uuid: string, by: By = {}): Promise<User> {
    const now = this.#context.clock.now();
    const values = { disabled_at: now, revoked_at: now };
    const user = await this.#write(uuid, values, 'user_disabled', by, {}, (trx) =>
      endAll(trx, 'sign_ins', uuid, now),
    );
    this.#context.endings.tell(`user:${uuid}`);
    return user;
  }

  enable(uuid: string, by: By = {}): Promise<User> {
    return this.#write(uuid, { disabled_at: null }, 'user_enabled', by, {});
  }

  remove(uuid: string, by: By = {}): Promise<void> {
    return this.#removals.remove(uuid, by);
  }

  /** Changes a user's row and records it, in one transaction with `also`. */
  #write(
    uuid: string,
    values: Updateable<UsersTable>,
    event: AuditEvent,
    { by, address }: By,
    detail: AuditEntry['detail'],
    also?: (trx: AccountsDb) => Promise<void>,
  ): Promise<User> {
    const { db, clock, audit } = this.#context;
    return db.transaction().execute(async (trx) => {
      const row = await trx
        .updateTable('users')
        .set({ ...values, updated_at: clock.now() })
        .where('uuid', '=', uuid)
        .returningAll()
        .executeTakeFirst();
      if (!row) throw noSuchUser();
      await also?.(trx);
      await audit.record({ event, user: uuid, address, detail: { by, ...detail } }, trx);
      return userOf(row);
    });
  }
}

/** Writes a new user and its audit entry into a transaction. Throws `invalid_request`, or a UniqueViolation for a taken name. */
export async function insertUser(
  { clock, audit }: Pick<AccountsContext, 'clock' | 'audit'>,
  trx: AccountsDb,
  user: NewUser & { uuid: string; approved: boolean },
  { by, address }: By,
): Promise<User> {
  const { uuid, username, email, password, role = 'user', approved } = user;
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
    approved_at: approved ? clock.now() : null,
    disabled_at: null,
    revoked_at: null,
    created_at: clock.now(),
    updated_at: clock.now(),
  };
  const made = await trx.insertInto('users').values(row).returningAll().executeTakeFirstOrThrow();
  await audit.record(
    { event: 'user_created', user: uuid, address, detail: { by, role, ...(!approved && { approved }) } },
    trx,
  );
  return userOf(made);
}
