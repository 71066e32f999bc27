import type { UserLookup } from './users.ts';

/** A row with the name of the user who asked. The name is missing for somebody without an account, and for a removed user. */
export type WithAsker<Row> = Row & { askedByName?: string };

/** Adds the name of the user who asked to each row. */
export async function withAskers<Row extends { askedBy: string }>(
  users: Pick<UserLookup, 'namesOf'>,
  rows: readonly Row[],
): Promise<WithAsker<Row>[]> {
  const names = await users.namesOf(rows.map(({ askedBy }) => askedBy));
  return rows.map((row) => {
    const askedByName = names.get(row.askedBy);
    return { ...row, ...(askedByName !== undefined && { askedByName }) };
  });
}
