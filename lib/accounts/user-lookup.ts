import type { AccountsDb } from './schema.ts';
import { loginKey } from './user-names.ts';
import { userOf } from './user-rows.ts';
import type { User, UserLookup } from './users.ts';

/** The columns by which one user is found. */
type UserKey = 'uuid' | 'id' | 'username_key' | 'email_key';

/** Finds users in the database; for a process that changes none, too. */
export function createUserLookup(db: AccountsDb): UserLookup {
  // A removed user has no row, and a disabled one is found.
  const where = async (column: UserKey, value: string | number): Promise<User | undefined> => {
    const row = await db.selectFrom('users').selectAll().where(column, '=', value).executeTakeFirst();
    return row && userOf(row);
  };
  return {
    find: (uuid) => where('uuid', uuid),
    findById: (id) => where('id', id),
    async namesOf(uuids) {
      const wanted = [...new Set(uuids)];
      if (wanted.length === 0) return new Map();
      const rows = await db
        .selectFrom('users')
        .select(['uuid', 'name'])
        .where('uuid', 'in', wanted)
        .execute();
      return new Map(rows.map(({ uuid, name }) => [uuid, name]));
    },
    async findByLogin(login) {
      const key = loginKey(login);
      // The username comes last: one may look like the uuid of somebody else, or, of an earlier release, like the e-mail.
      return (
        (await where('uuid', login)) ?? (await where('email_key', key)) ?? (await where('username_key', key))
      );
    },
  };
}
