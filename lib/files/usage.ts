import { AppError } from '../errors.ts';
import { lockOrCreateRow } from '../store/lock-row.ts';
import type { FilesDb } from './schema.ts';

/** Takes room for bytes from the limit of an owner, in the caller's transaction. Throws `invalid_request` when there is too little. */
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

/** Gives the room of bytes back to an owner. */
export async function giveRoom(trx: FilesDb, owner: string, bytes: number): Promise<void> {
  await trx
    .updateTable('file_usage')
    .set(({ eb }) => ({ bytes: eb('bytes', '-', bytes) }))
    .where('owner', '=', owner)
    .execute();
}

/** The room that an owner has at this moment, in bytes. */
export async function roomLeft(db: FilesDb, owner: string, maxBytes: number): Promise<number> {
  const row = await db.selectFrom('file_usage').select('bytes').where('owner', '=', owner).executeTakeFirst();
  return Math.max(0, maxBytes - (row?.bytes ?? 0));
}
