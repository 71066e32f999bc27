import { AppError } from '../errors.ts';
import type { AccountsContext } from './context.ts';
import type { AccountsDb } from './schema.ts';
import { noSuchUser } from './user-rows.ts';
import type { By } from './users.ts';

/**
 * Removes all that one part of the server keeps about a user; the id is the user's uuid.
 *
 * Contract: it may be called again for the same user, also after a crash in the middle and for a user without any data.
 */
export type Removal = (userId: string) => Promise<void>;

/**
 * Removing users from all parts of the server.
 *
 * A removal has three steps. First one transaction deletes the user and marks the removal as begun: from then on nobody
 * can sign in as this user. Then every part removes its data. Last the accounts remove theirs, and the removal is marked
 * as done. A removal that a crash or a failing part stopped goes on at the next start, and with every sweep.
 */
export interface UserRemovals {
  /** Takes the removals of the other parts; before this nothing is finished. */
  join(removals: readonly Removal[]): void;
  /**
   * Removes a user. Rejects with `not_found`. When a part fails, the user is gone all the same: `onError` receives the
   * failure, and the rest is removed later.
   */
  remove(uuid: string, by?: By): Promise<void>;
  /** Goes on with all removals that have begun and are not done. */
  finish(): Promise<void>;
}

/** Removals over the table of their marks. */
export function createUserRemovals(
  context: AccountsContext,
  onError: (error: unknown) => void,
): UserRemovals {
  const { db, clock } = context;
  let removals: readonly Removal[] | undefined;

  async function finishOne(uuid: string): Promise<void> {
    if (!removals) return;
    try {
      for (const removal of removals) await removal(uuid);
      await removeCredentials(db, uuid, clock.now());
    } catch (cause) {
      onError(new AppError('internal', `The data of the removed user ${uuid} is not yet gone.`, { cause }));
    }
  }

  return {
    join(all) {
      removals = all;
    },
    async remove(uuid, by = {}) {
      await begin(context, uuid, by);
      await finishOne(uuid);
    },
    async finish() {
      const begun = await db
        .selectFrom('user_removals')
        .select('user_uuid')
        .where('done_at', 'is', null)
        .execute();
      for (const { user_uuid: uuid } of begun) await finishOne(uuid);
    },
  };
}

/** The first step: nobody can sign in as the user any more, and the mark keeps the rest from being forgotten. */
async function begin(
  { db, clock, audit, endings }: AccountsContext,
  uuid: string,
  { by, address }: By,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const gone = await trx.deleteFrom('users').where('uuid', '=', uuid).returning('id').executeTakeFirst();
    if (!gone) throw noSuchUser();
    await trx.deleteFrom('identities').where('user_uuid', '=', uuid).execute();
    await trx
      .insertInto('user_removals')
      .values({ user_uuid: uuid, begun_at: clock.now(), done_at: null })
      .execute();
    await audit.record({ event: 'user_removed', user: uuid, address, detail: { by } }, trx);
  });
  // Other nodes learn of it from the mark.
  endings.tell(`user:${uuid}`);
}

/** Removes everything by which the user could be recognised, and marks the removal as done. */
async function removeCredentials(db: AccountsDb, uuid: string, now: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const signIns = trx.selectFrom('sign_ins').select('id').where('user_uuid', '=', uuid);
    await trx.deleteFrom('wechat_sessions').where('sign_in_id', 'in', signIns).execute();
    await trx.deleteFrom('refresh_tokens').where('sign_in_id', 'in', signIns).execute();
    await trx.deleteFrom('sign_ins').where('user_uuid', '=', uuid).execute();
    await trx.deleteFrom('api_keys').where('user_uuid', '=', uuid).execute();
    await trx.deleteFrom('record_owners').where('owner', '=', uuid).execute();
    await trx.deleteFrom('identities').where('user_uuid', '=', uuid).execute();
    // A sign-in code names its user in its body.
    await trx.deleteFrom('vouchers').where('body', 'like', `%"${uuid}"%`).execute();
    await trx.updateTable('user_removals').set({ done_at: now }).where('user_uuid', '=', uuid).execute();
  });
}
