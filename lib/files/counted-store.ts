import { Readable } from 'node:stream';
import type { Clock } from '../common/clock.ts';
import { AppError } from '../errors.ts';
import { ownerOfAvatar } from './avatar-key.ts';
import { HEAD_MAX_BYTES, isName, type ObjectStore, type StoredObject } from './object-store.ts';
import { isPictureKey } from './picture-types.ts';
import { pictureTypeOf } from './pictures.ts';
import type { FilesDb } from './schema.ts';
import { giveRoom, roomLeft, takeRoom } from './usage.ts';

/** The database and the limit of the count. */
interface CountedOptions {
  db: FilesDb;
  filesPerOwnerMaxBytes: number;
  /** Missing where every byte of an upload passes this server. */
  awaited?: { clock: Clock };
}

/** A client names its upload within this time, after its URL has ended. */
const NAMED_WITHIN_MS = 3_600_000;

/**
 * An object store that counts the bytes of objects with a name against their owners, as those of files are counted, and refuses
 * bytes that are no picture under the name of one. The first segment of a name is its owner.
 */
export function createCountedStore(store: ObjectStore, options: CountedOptions): ObjectStore {
  return {
    write: (source, maxBytes, name) =>
      name === undefined ? store.write(source, maxBytes) : writeNamed(store, options, source, maxBytes, name),
    read: (key) => store.read(key),
    async admit(key, maxBytes) {
      const admitted = await store.admit(key, maxBytes);
      if (isName(key)) await countAdmitted(store, options, key, admitted.bytes);
      return admitted;
    },
    async remove(key) {
      if (isName(key)) await forget(options.db, ownerOf(key), (one) => one === key);
      await store.remove(key);
    },
    async removeUnder(prefix) {
      await forget(options.db, ownerOf(prefix), (one) => one.startsWith(`${prefix}/`));
      await store.removeUnder(prefix);
    },
    list: (before) => store.list(before),
    tidy: (before) => store.tidy(before),
    async sign(grant) {
      const { db, awaited } = options;
      if (awaited && grant.method === 'PUT') {
        const due_at = awaited.clock.now() + grant.seconds * 1000 + NAMED_WITHIN_MS;
        await db
          .insertInto('awaited_uploads')
          .values({ key: grant.key, due_at })
          .onConflict((conflict) => conflict.column('key').doUpdateSet({ due_at }))
          .execute();
      }
      return store.sign(grant);
    },
    keyOf: (url, origin) => store.keyOf(url, origin),
    close: () => store.close(),
  };
}

/** The owner of a name; undefined for what belongs to all, such as the default avatar. */
function ownerOf(name: string): string | undefined {
  return name.startsWith('avatars/') ? ownerOfAvatar(name) : name.split('/', 1)[0];
}

/** Stores under a name. The room is taken after the bytes are there: nobody knows their number before. */
async function writeNamed(
  store: ObjectStore,
  { db, filesPerOwnerMaxBytes: most }: CountedOptions,
  source: Readable,
  maxBytes: number,
  name: string,
): Promise<StoredObject> {
  const checked = isPictureKey(name) ? Readable.from(pictureBytes(source), { objectMode: false }) : source;
  const owner = ownerOf(name);
  if (owner === undefined) return store.write(checked, maxBytes, name);
  const room = await roomLeft(db, owner, most);
  const left = room + ((await sizeIn(db, name)) ?? 0);
  try {
    const stored = await store.write(checked, Math.min(maxBytes, left), name);
    await count(db, { key: name, owner, bytes: stored.bytes }, most);
    return stored;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === 'too_large' && left < maxBytes)
      throw new AppError(
        'too_large',
        `Your files may have ${most} bytes together (FILES_PER_OWNER_MAX_BYTES). Delete some.`,
      );
    if (error.code === 'invalid_request') await store.remove(name); // another upload took the room meanwhile
    throw error;
  }
}

/** The size of a named object as it was counted, in bytes; undefined for one that was not. */
async function sizeIn(db: FilesDb, key: string): Promise<number | undefined> {
  const row = await db.selectFrom('named_objects').select('bytes').where('key', '=', key).executeTakeFirst();
  return row?.bytes;
}

/** Counts an object that a client has sent to a bucket. One for which there is no room is removed. */
async function countAdmitted(
  store: ObjectStore,
  { db, filesPerOwnerMaxBytes: most }: CountedOptions,
  key: string,
  bytes: number,
): Promise<void> {
  const owner = ownerOf(key);
  const known = await sizeIn(db, key);
  if (owner === undefined || known === bytes) return;
  try {
    await count(db, { key, owner, bytes }, most);
  } catch (error) {
    if (error instanceof AppError) await store.remove(key);
    throw error;
  }
}

/** Counts a named object against its owner, in the place of an older one. Throws `invalid_request` when there is too little room. */
async function count(
  db: FilesDb,
  { key, owner, bytes }: { key: string; owner: string; bytes: number },
  most: number,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const old = await trx
      .deleteFrom('named_objects')
      .where('key', '=', key)
      .returning('bytes')
      .executeTakeFirst();
    await takeRoom(trx, owner, bytes - (old?.bytes ?? 0), most);
    await trx.insertInto('named_objects').values({ key, owner, bytes }).execute();
  });
}

/** The same bytes. Throws `unsupported_media_type` before the first of them when they are no picture. */
async function* pictureBytes(source: Readable): AsyncGenerator<Buffer> {
  const head: Buffer[] = [];
  let isChecked = false;
  const check = async (): Promise<void> => {
    isChecked = true;
    if ((await pictureTypeOf(Buffer.concat(head))) === undefined)
      throw new AppError('unsupported_media_type', 'The bytes are no picture.');
  };
  for await (const chunk of source as AsyncIterable<Buffer>) {
    if (isChecked) {
      yield chunk;
      continue;
    }
    head.push(chunk);
    if (head.reduce((sum, { length }) => sum + length, 0) < HEAD_MAX_BYTES) continue;
    await check();
    yield* head;
  }
  if (isChecked) return;
  await check();
  yield* head;
}

/** Gives the room of an owner's named objects back; `isGone` says which of them are removed. */
async function forget(
  db: FilesDb,
  owner: string | undefined,
  isGone: (key: string) => boolean,
): Promise<void> {
  if (owner === undefined) return;
  const rows = await db.selectFrom('named_objects').select('key').where('owner', '=', owner).execute();
  for (const { key } of rows.filter((row) => isGone(row.key)))
    await db.transaction().execute(async (trx) => {
      const gone = await trx
        .deleteFrom('named_objects')
        .where('key', '=', key)
        .returning('bytes')
        .executeTakeFirst();
      if (gone) await giveRoom(trx, owner, gone.bytes);
    });
}
