import type { User } from '../../accounts/users.ts';
import { AppError } from '../../errors.ts';
import type { Parts } from '../dialect.ts';

/** The user of an id in a path. Throws `not_found`, also for a text that is no number, and for one that is too long for the database. */
export async function findUser({ accounts }: Pick<Parts, 'accounts'>, id: string): Promise<User> {
  const user = /^[1-9]\d{0,8}$/.test(id) ? await accounts.users.findById(Number(id)) : undefined;
  if (user) return user;
  throw new AppError('not_found', 'There is no such user.');
}
