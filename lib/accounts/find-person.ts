import type { Role } from '../core/principal.ts';
import type { Users } from './users.ts';

/** A user by its role and its names: the id, and the user name, which belongs to one user alone. Undefined also for a disabled user. */
export async function findPerson(
  users: Pick<Users, 'find'>,
  id: string,
): Promise<{ role: Role; names: (string | null)[] } | undefined> {
  const user = await users.find(id);
  return user && !user.disabled ? { role: user.role, names: [user.uuid, user.username] } : undefined;
}
