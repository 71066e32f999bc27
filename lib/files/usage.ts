import { AppError } from '../errors.ts';
import { lockOrCreateRow } from '../store/lock-row.ts';
import type { FilesDb } from './schema.ts';

/** Takes room for bytes from what an owner may use; in the transaction that uses it. Throws `invalid_request` when there is not enough. */
export async function takeRoom(trx: FilesDb, owner: string, bytes: number, maxBytes: number): Promise<void> {
  const usage = { key: 'owner', column: 'bytes', row: { owner, bytes: 0 } } as const;
  const taken = await lockOrCreateRow(trx, 'file_usage', usage);
  if (taken.bytes + bytes > maxBytes)
    throw new AppError(
      'invalid_request',
      `Your files take ${taken.bytes} of ${maxBytes} bytes (FILES_PER_OWNER_MAX_BYTES): there is no room for ${bytes} more. Delete some.`,
    );
  await trx
    .updateTable('file_usage')
    .set(({ eb }) => ({ bytes: eb('bytes', '+', bytes) }))
    .where('owner', '=', owner)
    .execute();
}

/** Gives room back. */
export async function giveRoom(trx: FilesDb, owner: string, bytes: number): Promise<void> {
  await trx
    .updateTable('file_usage')
    .set(({ eb }) => ({ bytes: eb('bytes', '-', bytes) }))
    .where('owner', '=', owner)
    .execute();
}

/** How much room an owner has left, at this moment. */
export async function roomLeft(db: FilesDb, owner: string, maxBytes: number): Promise<number> {
  const row = await db.selectFrom('file_usage').select('bytes').where('owner', '=', owner).executeTakeFirst();
  return Math.max(0, maxBytes - (row?.bytes ?? 0));
}
