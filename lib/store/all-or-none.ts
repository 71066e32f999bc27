import type { Kysely } from 'kysely';

/** Thrown inside `allOrNone` when a row is missing. */
export class NotAllFound extends Error {}

/** One transaction. False: the work threw NotAllFound, and nothing was changed. */
export async function allOrNone<Tables>(
  db: Kysely<Tables>,
  work: (trx: Kysely<Tables>) => Promise<void>,
): Promise<boolean> {
  try {
    await db.transaction().execute(work);
    return true;
  } catch (error) {
    if (error instanceof NotAllFound) return false;
    throw error;
  }
}
