/*
 * What a crash can leave behind, and what removes it:
 *
 *   moment of the crash                            left behind                 removed by
 *   while an object is being written               an unfinished write         objects.tidy
 *   after the object, before its row               an object without a row     removeOrphans
 *   after a row was deleted, before its object     an object without a row     removeOrphans
 *   while a client sends parts                     a pending upload            endExpiredUploads, after its hour
 */

import { AppError } from '../errors.ts';
import { removeFile, type FilesContext } from './files.ts';
import { endUpload } from './uploads.ts';

/** So many files and uploads a sweep; the next sweep takes the rest. */
const AT_ONCE = 100;
/** Longer than any write takes: a younger object may belong to a file that is just being stored. */
const ORPHAN_AFTER_MS = 2 * 3_600_000;

/** Removes expired files and uploads, and objects without a row, which a crash or a client that disconnected left behind. */
export async function sweepFiles(context: FilesContext): Promise<void> {
  await endExpiredUploads(context);
  await removeExpiredFiles(context);
  await removeOrphans(context);
}

/** Ends uploads that no client finished, and frees their room. */
async function endExpiredUploads(context: FilesContext): Promise<void> {
  const { db, clock } = context;
  const expired = await db
    .selectFrom('uploads')
    .select(['id', 'owner', 'bytes'])
    .where('status', '=', 'pending')
    .where('expires_at', '<=', clock.now())
    .limit(AT_ONCE)
    .execute();
  for (const upload of expired)
    await endUpload(context, upload, async (trx) => {
      const ended = await trx
        .updateTable('uploads')
        .set({ status: 'expired' })
        .where('id', '=', upload.id)
        .where('status', '=', 'pending')
        .returning('id')
        .executeTakeFirst();
      if (!ended) throw new AppError('conflict', 'Another node has ended it.');
    }).catch(unlessConflict);
}

/** Removes files whose time is over. */
async function removeExpiredFiles(context: FilesContext): Promise<void> {
  const expired = await context.db
    .selectFrom('files')
    .select(['id', 'owner', 'bytes'])
    .where('expires_at', '<=', context.clock.now())
    .limit(AT_ONCE)
    .execute();
  for (const file of expired) await removeFile(context, file);
}

/** Removes objects that no file and no part has. */
async function removeOrphans({ db, objects, clock }: FilesContext): Promise<void> {
  const before = clock.now() - ORPHAN_AFTER_MS;
  await objects.tidy(before);
  for await (const key of objects.list(before)) {
    const { used } = await db
      .selectNoFrom(({ exists, or, selectFrom, val }) =>
        or([
          exists(selectFrom('file_objects').select(val(1).as('one')).where('object', '=', key)),
          exists(selectFrom('upload_parts').select(val(1).as('one')).where('object', '=', key)),
        ]).as('used'),
      )
      .executeTakeFirstOrThrow();
    if (!used) await objects.remove(key);
  }
}

function unlessConflict(error: unknown): void {
  if (!(error instanceof AppError && error.code === 'conflict')) throw error;
}
