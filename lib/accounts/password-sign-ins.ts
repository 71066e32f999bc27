import { AppError } from '../errors.ts';
import type { RequestSource } from './audit.ts';
import type { AccountsContext } from './context.ts';
import type { Passwords } from './passwords.ts';
import type { Registration } from './registration.ts';
import type { Sender } from './senders.ts';
import type { SignInLife, SignIns, Tokens } from './sign-ins.ts';
import { networkOf } from '../common/addresses.ts';
import { createThrottle, type Throttle } from './throttle.ts';
import { loginKey } from './user-names.ts';
import { endAll, noSuchUser } from './user-rows.ts';
import type { By, NewUser, User, Users } from './users.ts';

/** The name that a user signs in with; `login` is a username or an e-mail. */
export type Login = { username: string } | { email: string } | { login: string };

/** One column of a user. */
type UserKey = Exclude<Login, { login: string }> | { uuid: string };

/** A sign-in with a password. */
export interface PasswordSignIn extends SignInLife {
  who: Login;
  password: string;
  client?: RequestSource;
  /** A refresh token of an earlier sign-in: a device that the user knows does not wait for the failures of others. */
  device?: string | undefined;
}

/**
 * Signing in with a password.
 *
 * Contract: rejects with an AppError. Every failed sign-in is `unauthorized`, with the same text after the same time; from the
 * sixth failure in the same network on `too_many_requests`, for a growing time. Failures in one network never refuse the user
 * in another one. A password that is not allowed is `invalid_request`.
 */
export interface PasswordSignIns {
  /** Signs a user in. */
  signIn(options: PasswordSignIn): Promise<Tokens>;
  /** Makes an account with a password for the person who asks for it, where registration allows that. */
  register(user: NewUser & { password: string }, by?: By): Promise<User>;
  /** Makes a user with a password for an operator or an admin. */
  create(user: NewUser & { password: string }, by?: By): Promise<User>;
  /** Changes a password and signs the user out everywhere; keys stay. The caller has checked the right. */
  set(uuid: string, password: string, by?: By): Promise<void>;
  /** Whether this is the user's password. For a caller who may change it already: failures are not counted. */
  has(uuid: string, password: string): Promise<boolean>;
  /** Throws `forbidden` for a wrong password, and for none unless the user has signed in within ten minutes. */
  prove(
    user: Pick<User, 'uuid'>,
    proof: { signedInAt: number | null; password?: string | undefined; client?: RequestSource },
  ): Promise<void>;
}

/** People mistype; a sixth failure in a row waits. */
const FREE_FAILURES = 5;
/** Many users may share one network. */
const FREE_FAILURES_OF_NETWORK = 50;
/** A sign-in that is younger proves the user as well as the password does. */
const RECENT_MS = 10 * 60_000;

/** What password sign-ins need. */
export interface PasswordSignInParts {
  context: AccountsContext;
  passwords: Passwords;
  users: Users;
  signIns: SignIns;
  registration: Registration;
  /** Sends a notice to a user whose password was changed. */
  mail: Sender;
  onError(error: unknown): void;
}

/** Password sign-ins over users and sign-ins. */
export function createPasswordSignIns(parts: PasswordSignInParts): PasswordSignIns {
  return new StoredPasswordSignIns(parts);
}

/** Password sign-ins with their two throttles. */
class StoredPasswordSignIns implements PasswordSignIns {
  readonly #parts: PasswordSignInParts;
  readonly #byUser: Throttle;
  readonly #byNetwork: Throttle;

  constructor(parts: PasswordSignInParts) {
    this.#parts = parts;
    this.#byUser = createThrottle(parts.context, { free: FREE_FAILURES, forgives: true });
    this.#byNetwork = createThrottle(parts.context, { free: FREE_FAILURES_OF_NETWORK, forgives: false });
  }

  async signIn({ who, password, client = {}, device, ...life }: PasswordSignIn): Promise<Tokens> {
    const { passwords, signIns } = this.#parts;
    const found = 'login' in who ? await this.#readLogin(who.login) : await this.#read(who);
    // One counter for a user, by each of its names; and one for an unknown name.
    const key = found?.uuid ?? columnOf('login' in who ? { username: who.login } : who)[1];
    const known = found && (await this.#knownDevice(found.uuid, device));
    const tokens = await this.#guard(`sign-in ${key}`, client, known, async () => {
      const row = found && (await this.#read({ uuid: found.uuid }));
      const stored = row?.disabled_at === null ? row.password : null;
      const matches = await passwords.verify(stored, password, partyOf(client));
      if (!row || !matches || stored === null) return { uuid: row?.uuid, value: undefined };
      const hash = await this.#renewHash(row.uuid, stored, password, partyOf(client));
      const options = { ...life, method: 'password', client, password: hash };
      return { uuid: row.uuid, value: await signIns.begin(row.uuid, options) };
    });
    if (tokens) return tokens;
    throw new AppError('unauthorized', 'The name or the password is wrong.');
  }

  register(user: NewUser & { password: string }, by: By = {}): Promise<User> {
    const { passwords, users, registration } = this.#parts;
    return registration.admit(by, async (approved) => {
      passwords.check(user.password, [user.username, user.email]);
      const hash = await passwords.hashNew(user.password, partyOf(by));
      return users.register({ ...user, password: hash }, approved, by);
    });
  }

  async create(user: NewUser & { password: string }, by: By = {}): Promise<User> {
    const { passwords, users } = this.#parts;
    passwords.check(user.password, [user.username, user.email]);
    return users.create({ ...user, password: await passwords.hash(user.password, partyOf(by)) }, by);
  }

  async set(uuid: string, password: string, { by, address }: By = {}): Promise<void> {
    const { context, passwords, users } = this.#parts;
    const { db, clock, audit, endings } = context;
    const user = await users.find(uuid);
    if (!user) throw noSuchUser();
    passwords.check(password, [user.username, user.email]);
    const hash = await passwords.hash(password, partyOf({ address }));
    await db.transaction().execute(async (trx) => {
      const changed = await trx
        .updateTable('users')
        .set({ password: hash, updated_at: clock.now() })
        .where('uuid', '=', uuid)
        .returning('id')
        .executeTakeFirst();
      if (!changed) throw noSuchUser();
      await endAll(trx, 'sign_ins', uuid, clock.now());
      await audit.record({ event: 'password_changed', user: uuid, address, detail: { by } }, trx);
    });
    endings.tell(`user:${uuid}`);
    this.#sendNotice(user.email);
  }

  async has(uuid: string, password: string): Promise<boolean> {
    return this.#parts.passwords.verify((await this.#read({ uuid }))?.password, password, uuid);
  }

  async prove(
    { uuid }: Pick<User, 'uuid'>,
    proof: { signedInAt: number | null; password?: string | undefined; client?: RequestSource },
  ): Promise<void> {
    const { context, passwords } = this.#parts;
    const { signedInAt, password, client = {} } = proof;
    if (password === undefined) {
      if (signedInAt !== null && signedInAt > context.clock.now() - RECENT_MS) return;
      throw new AppError('forbidden', 'The password is needed, or a sign-in within the last ten minutes.');
    }
    // The caller has shown a token, so that it is a device that the user knows.
    const proven = await this.#guard(`proof ${uuid}`, client, 'signed in', async () => {
      const row = await this.#read({ uuid });
      return { uuid, value: (await passwords.verify(row?.password, password, uuid)) || undefined };
    });
    if (!proven) throw new AppError('forbidden', 'The password is wrong.');
  }

  /** The user of an e-mail or a username. The e-mail comes first: old usernames may look like the e-mail of somebody else. */
  async #readLogin(login: string) {
    return (await this.#read({ email: login })) ?? this.#read({ username: login });
  }

  /** The name of a device for the throttles; undefined unless its refresh token is of a sign-in of this user. */
  async #knownDevice(uuid: string, refreshToken: string | undefined): Promise<string | undefined> {
    if (refreshToken === undefined) return undefined;
    try {
      const { signIn, user } = await this.#parts.signIns.find(refreshToken);
      return user.uuid === uuid ? `device ${signIn.id}` : undefined;
    } catch (error) {
      if (error instanceof AppError && error.code === 'unauthorized') return undefined;
      throw error;
    }
  }

  /** The columns that a check needs, read anew each time. */
  #read(who: UserKey) {
    const [column, value] = columnOf(who);
    return this.#parts.context.db
      .selectFrom('users')
      .select(['uuid', 'password', 'disabled_at'])
      .where(column, '=', value)
      .executeTakeFirst();
  }

  /**
   * Runs a check under both throttles; a failure is recorded and gives undefined. Failures count by the place they come from:
   * a `device` that the user knows counts for itself alone, any other client with its network.
   */
  async #guard<T>(
    key: string,
    { address }: RequestSource,
    device: string | undefined,
    check: () => Promise<{ uuid: string | undefined; value: T | undefined }>,
  ): Promise<T | undefined> {
    const { audit } = this.#parts.context;
    const network = partyOf({ address });
    const attempt = () =>
      this.#byUser.attempt(`${key} from ${device ?? network}`, async () => {
        const { uuid, value } = await check();
        if (value !== undefined) return { passed: true, value };
        await audit.record({ event: 'sign_in_failed', user: uuid, address, detail: { method: 'password' } });
        return { passed: false };
      });
    try {
      if (device !== undefined || network === undefined) return await attempt();
      return await this.#byNetwork.attempt(`network ${network}`, async () => {
        const value = await attempt();
        return value === undefined ? { passed: false } : { passed: true, value };
      });
    } catch (error) {
      if (error instanceof AppError && error.code === 'too_many_requests')
        audit.refused({ address, detail: { what: 'sign-in', blocked: true } });
      throw error;
    }
  }

  /** The hash of the password at the present cost; the old hash when another request changed it meanwhile. */
  async #renewHash(uuid: string, old: string, password: string, party?: string): Promise<string> {
    const { context, passwords } = this.#parts;
    if (!passwords.isOutdated(old)) return old;
    const hash = await passwords.hash(password, party);
    const renewed = await context.db
      .updateTable('users')
      .set({ password: hash })
      .where('uuid', '=', uuid)
      .where('password', '=', old)
      .returning('id')
      .executeTakeFirst();
    return renewed ? hash : old;
  }

  /** Sends the notice without waiting: the password is changed in any case. */
  #sendNotice(email: string | null): void {
    if (email === null) return;
    const { mail, onError } = this.#parts;
    const text = 'The password of your account was changed. If it was not you, tell your administrator.';
    mail.send({ to: email, text }).catch(onError);
  }
}

/** The network that takes its turn with a work. */
function partyOf({ address }: RequestSource): string | undefined {
  return address === undefined ? undefined : networkOf(address);
}

/** The column and value by which a login is found. */
function columnOf(who: UserKey): ['username_key' | 'email_key' | 'uuid', string] {
  if ('uuid' in who) return ['uuid', who.uuid];
  if ('email' in who) return ['email_key', loginKey(who.email)];
  return ['username_key', loginKey(who.username)];
}
