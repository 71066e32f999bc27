import type { Users } from './users.ts';

/** Rows with the names of the users who asked. A name is missing where nobody has an account, and when the user was removed. */
export async function withAskers<Row extends { askedBy: string }>(
  users: Pick<Users, 'namesOf'>,
  rows: readonly Row[],
): Promise<(Row & { askedByName?: string })[]> {
  const names = await users.namesOf(rows.map(({ askedBy }) => askedBy));
  return rows.map((row) => {
    const askedByName = names.get(row.askedBy);
    return { ...row, ...(askedByName !== undefined && { askedByName }) };
  });
}
