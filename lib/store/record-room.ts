import type { Kysely, SelectQueryBuilder } from 'kysely';
import { AppError } from '../errors.ts';
import { lockOrCreateRow } from './lock-row.ts';

/** A row says nothing but its owner. It is there to be locked, also before the owner has a first record. */
interface Tables {
  record_owners: { owner: string };
}

/** A record that is about to be made. */
interface NewRecord<DB, Table extends keyof DB> {
  owner: string;
  kind: 'keys' | 'apps' | 'presets' | 'chats';
  /** The records of the kind that the owner has, selected in the transaction. */
  own: Pick<SelectQueryBuilder<DB, Table, object>, 'select'>;
  /** How many of them an owner may have. */
  maxCount: number;
}

/**
 * Throws `too_many_requests` where an owner has as many records of a kind as it may have. It is called first in the transaction that
 * makes the record: of requests at once, on any node, each waits for the one before, so that they cannot pass the limit together.
 */
export async function requireRecordRoom<DB, Table extends keyof DB>(
  trx: Kysely<DB>,
  { owner, kind, own, maxCount }: NewRecord<DB, Table>,
): Promise<void> {
  // The caller's type has the tables of its part only.
  const locks = trx as unknown as Kysely<Tables>;
  await lockOrCreateRow(locks, 'record_owners', { key: 'owner', column: 'owner', row: { owner } });
  // Counted after the lock: a count from before it may lack the record of the request that had the lock.
  const counted = own.select(({ fn }) => fn.countAll<number>().as('count'));
  const { count } = (await counted.executeTakeFirstOrThrow()) as { count: number };
  if (count < maxCount) return;
  throw new AppError(
    'too_many_requests',
    `You have ${count} ${kind} already, and ${maxCount} are the limit (RECORDS_PER_OWNER_MAX_COUNT): remove some that you do not need.`,
  );
}
