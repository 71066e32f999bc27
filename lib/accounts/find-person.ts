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

/** Whether this is the id or the user name of a user. An e-mail is no name: devices do not know people by it. */
export async function isNameOfUser(users: Pick<Users, 'findByLogin'>, name: string): Promise<boolean> {
  const user = await users.findByLogin(name);
  return user !== undefined && (user.uuid === name || !name.includes('@') || user.username === name);
}
