import type { Role } from '../core/principal.ts';

/** Every role: the type finds one that is missing here. */
const roles: Readonly<Record<Role, true>> = { visitor: true, user: true, admin: true };

/** Warnings for entries of `users` that name no user. A misspelt name keeps a person out. */
export async function unknownUsers(
  users: readonly string[],
  isUser: (name: string) => Promise<boolean>,
): Promise<string[]> {
  const warnings: string[] = [];
  for (const [index, name] of users.entries()) {
    const role = /^role:(.*)$/.exec(name.trim().toLowerCase())?.[1];
    const place = `/users/${index}: "${name.slice(0, 100)}"`;
    if (role !== undefined && !Object.hasOwn(roles, role))
      warnings.push(`${place} is no role: role:visitor, role:user or role:admin`);
    else if (role === undefined && name !== '*' && !(await isUser(name)))
      warnings.push(`${place} names no user: this entry lets nobody use the device`);
  }
  return warnings;
}
