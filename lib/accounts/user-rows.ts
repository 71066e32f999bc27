import { AppError } from '../errors.ts';
import { UniqueViolation } from '../store/failures.ts';
import type { AccountsDb, UsersTable } from './schema.ts';
import type { User } from './users.ts';

/** The user of a row, without the columns that only the database needs. */
export function userOf(row: Omit<UsersTable, 'id'> & { id: number }): User {
  return {
    id: row.id,
    uuid: row.uuid,
    name: row.name,
    username: row.username,
    email: row.email,
    role: row.role,
    scopes: splitWords(row.scopes),
    approved: row.approved_at !== null,
    disabled: row.disabled_at !== null,
    hasPassword: row.password !== null,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** The words of a list that is stored as one text. */
export function splitWords(text: string): string[] {
  return text.split(' ').filter(Boolean);
}

/** Ends all sign-ins, or all keys, of a user. */
export async function endAll(
  on: AccountsDb,
  table: 'sign_ins' | 'api_keys',
  uuid: string,
  at: number,
): Promise<void> {
  await on
    .updateTable(table)
    .set({ ended_at: at })
    .where('user_uuid', '=', uuid)
    .where('ended_at', 'is', null)
    .execute();
}

/** The fields of a user by the columns that are unique. */
const fieldsOfColumns: Readonly<Record<string, string>> = { username_key: 'username', email_key: 'email' };

/** Writes a user; rejects with `conflict` and the field as a fault when another user has the username or e-mail. */
export async function unlessTaken<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof UniqueViolation)) throw error;
    const field = fieldsOfColumns[error.column];
    // Another column, such as a uuid, is a fault of this server.
    if (field === undefined) throw error;
    throw new AppError('conflict', `The ${field} is taken.`, {
      faults: [{ pointer: `/${field}`, detail: 'is taken' }],
      cause: error,
    });
  }
}

/** The error for an unknown uuid. */
export function noSuchUser(): AppError {
  return new AppError('not_found', 'There is no such user.');
}
