/*
 * What a crash or a client can leave behind, and what removes it:
 *
 *   moment of the crash                            left behind                 removed by
 *   while an object is being written               an unfinished write         objects.tidy
 *   after the object, before its row               an object without a row     removeOrphans
 *   after a row was deleted, before its object     an object without a row     removeOrphans
 *   while a client sends parts                     a pending upload            endExpiredUploads, after its hour
 *   after a client sent a picture to the bucket    an object that nobody named removeUnnamed, after its hour
 */

import { AppError } from '../errors.ts';
import { removeFile, type FilesContext } from './files.ts';
import type { ObjectStore } from './object-store.ts';
import { endUpload } from './uploads.ts';

/** So many files and uploads a sweep; the next sweep takes the rest. */
const AT_ONCE = 100;
/** Longer than any write takes: a younger object may belong to a file that is just being stored. */
const ORPHAN_AFTER_MS = 2 * 3_600_000;

/** Removes expired files and uploads, and objects without a row, which a crash or a client that disconnected left behind. */
export async function sweepFiles(context: FilesContext): Promise<void> {
  await endExpiredUploads(context);
  await removeExpiredFiles(context);
  await removeUnnamed(context);
  await removeOrphans(context);
}

/**
 * Removes objects that clients have sent to the bucket and never named: nothing limits those. A client may have sent a larger one to the
 * same URL after it had named the first, so that named ones are counted again.
 */
async function removeUnnamed({ db, objects, clock }: FilesContext): Promise<void> {
  const now = clock.now();
  for (;;) {
    // One by one: a client may name an object while others are removed.
    const due = await db
      .selectFrom('awaited_uploads')
      .leftJoin('named_objects', 'named_objects.key', 'awaited_uploads.key')
      .select(['awaited_uploads.key', 'named_objects.bytes'])
      .where('due_at', '<=', now)
      .orderBy('due_at')
      .limit(1)
      .executeTakeFirst();
    if (!due) return;
    const { key, bytes } = due;
    if (bytes === null) await objects.remove(key);
    else await objects.admit(key, Infinity).catch((error) => removeRefused(objects, key, error));
    await db.deleteFrom('awaited_uploads').where('key', '=', key).execute();
  }
}

/** Forgets an object that is gone, or for which there is no room. */
async function removeRefused(objects: ObjectStore, key: string, error: unknown): Promise<void> {
  if (!(error instanceof AppError && ['not_found', 'invalid_request'].includes(error.code))) throw error;
  await objects.remove(key);
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
