import type { Account, Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';

/** The account of a caller. Throws `forbidden` for a caller without one: the operator's token belongs to no user. */
export function accountOf({ account }: Principal): Account {
  if (account) return account;
  throw new AppError('forbidden', 'This call is for users: sign in, or show a key of a user.');
}
