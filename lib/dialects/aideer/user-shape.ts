import type { User } from '../../accounts/users.ts';
import type { Parts } from '../dialect.ts';
import { avatarUrl } from './avatars.ts';
import { permissionOf } from './shapes.ts';

/** A user, as clients see it; `origin` is how the client names this server. */
export async function formatUser(
  { ledger, objects }: Pick<Parts, 'ledger' | 'objects'>,
  user: User,
  origin: string,
) {
  const username = user.username ?? user.name;
  return {
    id: user.id,
    username,
    // It is never taken from a body (contract 5).
    permission: permissionOf(user.role),
    // Only while an admin has to do something.
    ...(!user.approved && { approved: false }),
    // A user without a nickname has the username as the name.
    ...(user.name !== username && { nickname: user.name }),
    // A signed URL, good for a day: an `<img>` sends no token.
    avatar: await avatarUrl(objects, user.uuid, origin),
    credits_left: await ledger.balance(user.uuid),
  };
}
