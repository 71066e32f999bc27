import { AppError } from '../errors.ts';
import { removeFile, type FilesGround } from './files.ts';
import { endUpload } from './uploads.ts';

const AT_ONCE = 100;
/** Longer than any write takes: what is younger may belong to something that is just coming about. */
const ORPHAN_AFTER_MS = 2 * 3_600_000;

/** Takes away what has expired, and bytes that nothing refers to: what a crash, or a client that went away, left behind. */
export async function sweepFiles(ground: FilesGround): Promise<void> {
  await endExpiredUploads(ground);
  await removeExpiredFiles(ground);
  await removeOrphans(ground);
}

async function endExpiredUploads(ground: FilesGround): Promise<void> {
  const { db, now } = ground;
  const expired = await db
    .selectFrom('uploads')
    .select(['id', 'owner', 'bytes'])
    .where('status', '=', 'pending')
    .where('expires_at', '<=', now())
    .limit(AT_ONCE)
    .execute();
  for (const upload of expired)
    await endUpload(ground, upload, async (trx) => {
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

async function removeExpiredFiles(ground: FilesGround): Promise<void> {
  const expired = await ground.db
    .selectFrom('files')
    .select(['id', 'owner', 'bytes'])
    .where('expires_at', '<=', ground.now())
    .limit(AT_ONCE)
    .execute();
  for (const file of expired) await removeFile(ground, file);
}

async function removeOrphans({ db, objects, now }: FilesGround): Promise<void> {
  const before = now() - ORPHAN_AFTER_MS;
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
