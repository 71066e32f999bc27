import type { User } from '../../accounts/users.ts';
import { AppError } from '../../errors.ts';
import type { Parts } from '../dialect.ts';
import { permissionOf } from './shapes.ts';

/** A user, as clients see it. */
export async function formatUser({ ledger }: Pick<Parts, 'ledger'>, user: User) {
  const username = user.username ?? user.name;
  return {
    id: user.id,
    username,
    permission: permissionOf(user.role),
    // Only while an admin has to do something.
    ...(!user.approved && { approved: false }),
    ...(user.name !== username && { nickname: user.name }),
    avatar: `/api/v1/users/${user.id}/avatar`,
    credits_left: await ledger.balance(user.uuid),
  };
}

/** The user of an id in a path. Throws `not_found`. */
export async function findUser({ accounts }: Pick<Parts, 'accounts'>, id: string): Promise<User> {
  const user = /^[1-9]\d{0,8}$/.test(id) ? await accounts.users.findById(Number(id)) : undefined;
  if (user) return user;
  throw new AppError('not_found', 'There is no such user.');
}
