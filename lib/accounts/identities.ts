import { v4 as uuidOf } from 'uuid';
import { AppError } from '../errors.ts';
import { UniqueViolation } from '../store/failures.ts';
import type { Ground } from './ground.ts';
import type { AccountsDb } from './schema.ts';
import { noSuchUser, unlessTaken, userOf } from './user-rows.ts';
import { insertUser, type By, type NewUser, type User } from './users.ts';

/** How somebody else's system names a person: never an e-mail. */
export interface Identity {
  /** `github`, `google`, `jaccount`, `telephone`, `wechat`. */
  provider: string;
  issuer: string;
  subject: string;
}

/**
 * By what users are recognised from elsewhere.
 *
 * Contract: rejects with an AppError; nobody is recognised by anything that was not added for him.
 */
export interface Identities {
  /** The user of a proven identity; one that nobody has makes a new user, once, however many come at the same time. */
  userOf(identity: Identity, user: NewUser, by?: By): Promise<User>;
  /** Adds a proven identity to a user who is signed in. `conflict` when another user has it. */
  add(uuid: string, identity: Identity, by?: By): Promise<void>;
  list(uuid: string): Promise<Identity[]>;
}

/** Identities over their table. */
export function openIdentities({ db, now, audit }: Ground): Identities {
  const rowOf = (uuid: string, { provider, issuer, subject }: Identity) => ({
    provider,
    issuer,
    subject,
    user_uuid: uuid,
    created_at: now(),
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

  return {
    async userOf(identity, user, by = {}) {
      const known = await ownerOf(identity);
      if (known !== undefined) return find(known);
      const uuid = uuidOf();
      const made = await unlessTaken(() =>
        db.transaction().execute(async (trx) => {
          // First the identity: of many that come at once, all but one wait here and find it taken.
          const first = await trx
            .insertInto('identities')
            .values(rowOf(uuid, identity))
            .onConflict((conflict) => conflict.doNothing())
            .returning('user_uuid')
            .executeTakeFirst();
          if (!first) return undefined;
          const { provider } = identity;
          const added = await insertUser({ now, audit }, trx, uuid, user, by);
          await audit.record(
            { event: 'identity_added', user: uuid, address: by.address, detail: { provider } },
            trx,
          );
          return added;
        }),
      );
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
        if ((await ownerOf(identity)) === uuid) return;
        throw new AppError('conflict', 'Another user signs in with it.', { cause: error });
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
