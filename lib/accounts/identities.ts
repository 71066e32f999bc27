import { AppError } from '../errors.ts';
import { UniqueViolation } from '../store/failures.ts';
import type { AccountsContext } from './context.ts';
import type { Registration } from './registration.ts';
import type { AccountsDb } from './schema.ts';
import { noSuchUser, unlessTaken, userOf } from './user-rows.ts';
import { insertUser, type By, type NewUser, type User } from './users.ts';

/** The name of a person in another system; never an e-mail. */
export interface Identity {
  /** `github`, `google`, `jaccount`, `telephone`, `wechat`. */
  provider: string;
  /** The subject is unique under its issuer. */
  issuer: string;
  /** The person's id at the provider. */
  subject: string;
}

/**
 * The identities by which users of other systems are recognised.
 *
 * Contract: rejects with an AppError; only an identity that was added for a user signs this user in.
 */
export interface Identities {
  /** The user of a proven identity. An unknown identity registers a new user, also when many requests bring it at once: only one. */
  userOf(identity: Identity, user: NewUser, by?: By): Promise<User>;
  /** Adds a proven identity to a signed-in user. `conflict` when another user has it. */
  add(uuid: string, identity: Identity, by?: By): Promise<void>;
  list(uuid: string): Promise<Identity[]>;
}

/** Identities over their table. */
export function createIdentities(
  { db, clock, audit }: AccountsContext,
  registration: Registration,
): Identities {
  const rowOf = (uuid: string, { provider, issuer, subject }: Identity) => ({
    provider,
    issuer,
    subject,
    user_uuid: uuid,
    created_at: clock.now(),
  });

  async function ownerOf(
    { provider, issuer, subject }: Identity,
    on: AccountsDb = db,
  ): Promise<string | undefined> {
    const row = await on
      .selectFrom('identities')
      .select('user_uuid')
      .where('provider', '=', provider)
      .where('issuer', '=', issuer)
      .where('subject', '=', subject)
      .executeTakeFirst();
    return row?.user_uuid;
  }

  async function find(uuid: string): Promise<User> {
    const row = await db.selectFrom('users').selectAll().where('uuid', '=', uuid).executeTakeFirst();
    if (!row) throw noSuchUser();
    return userOf(row);
  }

  /** Makes the user of an identity; undefined when another request has just made it. */
  function register(identity: Identity, user: NewUser, approved: boolean, by: By): Promise<User | undefined> {
    const uuid = clock.newId();
    return unlessTaken(() =>
      db.transaction().execute(async (trx) => {
        // First the identity: of many requests at once, all but one wait here and find it taken.
        const first = await trx
          .insertInto('identities')
          .values(rowOf(uuid, identity))
          .onConflict((conflict) => conflict.doNothing())
          .returning('user_uuid')
          .executeTakeFirst();
        if (!first) return undefined;
        const { provider } = identity;
        const added = await insertUser({ clock, audit }, trx, { ...user, uuid, approved }, by);
        const entry = {
          event: 'identity_added',
          user: uuid,
          address: by.address,
          detail: { provider },
        } as const;
        await audit.record(entry, trx);
        return added;
      }),
    );
  }

  return {
    async userOf(identity, user, by = {}) {
      const known = await ownerOf(identity);
      if (known !== undefined) return find(known);
      // Undefined: another request was faster, and its user is the one.
      const made = await registration.admit(by, (approved) => register(identity, user, approved, by));
      return made ?? find((await ownerOf(identity)) ?? '');
    },

    async add(uuid, identity, { by, address } = {}) {
      const { provider } = identity;
      try {
        await db.transaction().execute(async (trx) => {
          await trx.insertInto('identities').values(rowOf(uuid, identity)).execute();
          const user = await trx.selectFrom('users').select('id').where('uuid', '=', uuid).executeTakeFirst();
          if (!user) throw noSuchUser();
          await audit.record({ event: 'identity_added', user: uuid, address, detail: { by, provider } }, trx);
        });
      } catch (error) {
        if (!(error instanceof UniqueViolation)) throw error;
        // The user has it already: a repeat changes nothing.
        if ((await ownerOf(identity)) === uuid) return;
        throw new AppError('conflict', 'Another user signs in with this identity.', { cause: error });
      }
    },

    async list(uuid) {
      return db
        .selectFrom('identities')
        .select(['provider', 'issuer', 'subject'])
        .where('user_uuid', '=', uuid)
        .orderBy('created_at')
        .orderBy('provider')
        .execute();
    },
  };
}
