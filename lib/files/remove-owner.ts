import { avatarKey } from './avatar-key.ts';
import { removeFile, type FilesContext } from './files.ts';
import { endUpload } from './uploads.ts';

/**
 * Removes the files, uploads and named objects of an owner, with their bytes in the object store. It may be called again
 * after a crash: rows go before their bytes, and the sweep removes bytes without a row.
 */
export async function removeFilesOf(context: FilesContext, owner: string): Promise<void> {
  const { db, objects } = context;
  const uploads = await db.selectFrom('uploads').selectAll().where('owner', '=', owner).execute();
  for (const upload of uploads)
    await endUpload(context, upload, (trx) =>
      trx.deleteFrom('uploads').where('id', '=', upload.id).execute(),
    );
  const files = await db.selectFrom('files').selectAll().where('owner', '=', owner).execute();
  for (const file of files) await removeFile(context, file);
  await objects.remove(avatarKey(owner));
  await objects.removeUnder(owner);
  await db.deleteFrom('named_objects').where('owner', '=', owner).execute(); // of objects that are gone already
  await db.deleteFrom('file_usage').where('owner', '=', owner).execute();
}
