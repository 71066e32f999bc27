import { sql } from 'kysely';
import type { Insertable, Kysely, Selectable, UpdateQueryBuilder, UpdateResult } from 'kysely';

/**
 * Locks the rows that the caller's `where` selects until the transaction ends: every other transaction that locks or
 * changes them waits. It is a write of `column` that changes nothing. PostgreSQL locks the row for it. SQLite locks the
 * whole database, and a transaction that has begun with a write can always be committed; one that reads first and writes
 * later may fail with SQLITE_BUSY_SNAPSHOT [SQLite isolation].
 *
 * The query is run by the caller, with `returning` where the row is needed.
 */
export function lockRow<Tables, Name extends keyof Tables & string>(
  trx: Kysely<Tables>,
  table: Name,
  column: keyof Tables[Name] & string,
): UpdateQueryBuilder<Tables, Name, Name, UpdateResult> {
  const same = { [column]: sql.ref(`${table}.${column}`) };
  // The builder cannot see that a column of a table that is still a type parameter may be set to itself.
  const query = trx.updateTable(table as never) as unknown as {
    set(values: object): UpdateQueryBuilder<Tables, Name, Name, UpdateResult>;
  };
  return query.set(same);
}

/**
 * The row of a key, locked until the transaction ends; a new row, made of `row`, when there was none. `column` is written
 * without a change, as in `lockRow`. The key must be the only unique column of the table.
 */
export async function lockOrCreateRow<Tables, Name extends keyof Tables & string>(
  trx: Kysely<Tables>,
  table: Name,
  {
    key,
    column,
    row,
  }: { key: keyof Tables[Name] & string; column: keyof Tables[Name] & string; row: Insertable<Tables[Name]> },
): Promise<Selectable<Tables[Name]>> {
  const insert = trx.insertInto(table as never).values(row as never);
  const locked = await insert
    .onConflict((conflict) =>
      conflict.column(key as never).doUpdateSet({ [column]: sql.ref(`${table}.${column}`) } as never),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
  return locked as Selectable<Tables[Name]>;
}
