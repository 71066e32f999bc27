import type { Role } from '../core/principal.ts';

const roles: Readonly<Record<Role, true>> = { visitor: true, user: true, admin: true };

/** Warnings about the `users` of a device that nobody is: a misspelt name shuts somebody out. */
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
      warnings.push(`${place} is the name or the id of no user: nobody gets the device by it`);
  }
  return warnings;
}
