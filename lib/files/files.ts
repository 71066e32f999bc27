import { Readable } from 'node:stream';
import { randomBytes } from 'node:crypto';
import { mayUse } from '../core/principal.ts';
import type { Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import { checkFormat, formatOf } from './format.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';
import type { FilesDb, FilesTable } from './schema.ts';
import { giveRoom, roomLeft, takeRoom } from './usage.ts';

/** A file of an owner. Times in ms since the epoch. */
export interface StoredFile {
  /** `file-` and 24 hexadecimal digits. */
  id: string;
  owner: string;
  filename: string;
  purpose: string;
  mimeType: string;
  bytes: number;
  createdAt: number;
  expiresAt: number | null;
}

export interface NewFile {
  filename: string;
  purpose: string;
  /** For how long it is kept; for ever when missing. */
  lifeMs?: number | undefined;
}

export interface FilePage {
  limit: number;
  order: 'asc' | 'desc';
  /** The id after which the page begins. */
  after?: string | undefined;
  purpose?: string | undefined;
}

/**
 * The files of all owners.
 *
 * Contract: rejects with an AppError: `not_found` for an unknown id, `forbidden` for somebody else's file,
 * `invalid_request` for what is too large or of another format.
 */
export interface Files {
  /** Stores what comes. What is to be known of it is asked for at its end; `format` is the one that it must be of. */
  create(
    owner: string,
    source: Readable,
    describe: () => Promise<NewFile>,
    format?: string,
  ): Promise<StoredFile>;
  find(id: string, caller: Principal): Promise<StoredFile>;
  /** The owner's files in order of their making; `more`: there are others after them. */
  list(owner: string, page: FilePage): Promise<{ files: StoredFile[]; more: boolean }>;
  /** Its content. */
  open(file: Pick<StoredFile, 'id'>): Readable;
  remove(id: string, caller: Principal): Promise<void>;
}

export interface FilesLimits {
  fileMaxBytes: number;
  filesPerOwnerMaxBytes: number;
}

export interface FilesGround {
  db: FilesDb;
  objects: ObjectStore;
  limits: FilesLimits;
  /** Ms since the epoch. */
  now: () => number;
}

/** Files in the database, their content in an object store. */
export function openFiles(ground: FilesGround): Files {
  const { db, objects, limits, now } = ground;

  async function find(id: string, caller: Principal): Promise<StoredFile> {
    const row = /^file-[0-9a-f]{24}$/.test(id)
      ? await db.selectFrom('files').selectAll().where('id', '=', id).executeTakeFirst()
      : undefined;
    if (!row || (row.expires_at !== null && row.expires_at <= now()))
      throw new AppError('not_found', `There is no file "${id.slice(0, 100)}".`);
    if (!mayUse(caller, row.owner)) throw new AppError('forbidden', 'The file belongs to somebody else.');
    return fileOf(row);
  }

  async function* contentOf(id: string): AsyncGenerator<Buffer> {
    const rows = await db
      .selectFrom('file_objects')
      .select('object')
      .where('file_id', '=', id)
      .orderBy('position')
      .execute();
    for (const { object } of rows) yield* (await objects.read(object)) as AsyncIterable<Buffer>;
  }

  return {
    async create(owner, source, describe, format) {
      const most = Math.min(limits.fileMaxBytes, await roomLeft(db, owner, limits.filesPerOwnerMaxBytes));
      const object = await receive(objects, source, most, 'A file of yours');
      try {
        const file = await describe();
        const { mime, ...told } = await formatOf(object.head, file.filename);
        if (format !== undefined) checkFormat(format, { mime, ...told });
        return await db.transaction().execute(async (trx) => {
          await takeRoom(trx, owner, object.bytes, limits.filesPerOwnerMaxBytes);
          return insertFile(trx, { ...file, owner, mimeType: mime, createdAt: now() }, [object]);
        });
      } catch (error) {
        await objects.remove(object.key);
        throw error;
      }
    },

    find,

    async list(owner, { limit, order, after, purpose }) {
      let query = db
        .selectFrom('files')
        .selectAll()
        .where('owner', '=', owner)
        .where(({ eb, or }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', now())]));
      if (purpose !== undefined) query = query.where('purpose', '=', purpose);
      if (after !== undefined) {
        const from = await db
          .selectFrom('files')
          .select('position')
          .where('owner', '=', owner)
          .where('id', '=', after)
          .executeTakeFirst();
        if (!from)
          throw new AppError('not_found', `There is no file "${after.slice(0, 100)}" to go on after.`);
        query = query.where('position', order === 'asc' ? '>' : '<', from.position);
      }
      const rows = await query
        .orderBy('position', order)
        .limit(limit + 1)
        .execute();
      return { files: rows.slice(0, limit).map(fileOf), more: rows.length > limit };
    },

    open: ({ id }) => Readable.from(contentOf(id), { objectMode: false }),

    async remove(id, caller) {
      const file = await find(id, caller);
      await removeFile(ground, file);
    },
  };
}

/** Stores what comes; too much of it is the sender's fault, whatever the size is due to. */
export async function receive(
  objects: ObjectStore,
  source: Readable,
  maxBytes: number,
  what: string,
): Promise<StoredObject> {
  try {
    return await objects.write(source, maxBytes);
  } catch (cause) {
    if (!(cause instanceof AppError))
      throw new AppError('internal', 'The file could not be stored.', { cause });
    if (cause.code !== 'too_large') throw cause;
    throw new AppError('invalid_request', `${what} may have ${maxBytes} bytes at most now.`, { cause });
  }
}

/** Makes a file of objects that are stored already; in the transaction that makes them its own. */
export async function insertFile(
  trx: FilesDb,
  file: NewFile & { owner: string; mimeType: string; createdAt: number },
  objects: readonly { key: string; bytes: number }[],
): Promise<StoredFile> {
  const { owner, filename, purpose, mimeType, createdAt, lifeMs } = file;
  const last = await trx
    .selectFrom('files')
    .select(({ fn }) => fn.max('position').as('position'))
    .where('owner', '=', owner)
    .executeTakeFirst();
  const row: FilesTable = {
    id: `file-${randomBytes(12).toString('hex')}`,
    owner,
    filename,
    purpose,
    mime_type: mimeType,
    bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0),
    position: (last?.position ?? 0) + 1,
    created_at: createdAt,
    expires_at: lifeMs === undefined ? null : createdAt + lifeMs,
  };
  await trx.insertInto('files').values(row).execute();
  const parts = objects.map(({ key, bytes }, position) => ({
    file_id: row.id,
    position,
    object: key,
    bytes,
  }));
  for (let from = 0; from < parts.length; from += PARTS_A_STATEMENT)
    await trx
      .insertInto('file_objects')
      .values(parts.slice(from, from + PARTS_A_STATEMENT))
      .execute();
  return fileOf(row);
}

const PARTS_A_STATEMENT = 500;

/** Takes a file away: first what is known of it, then its content, so that a crash between leaves only what is swept. */
export async function removeFile(
  { db, objects }: Pick<FilesGround, 'db' | 'objects'>,
  { id, owner, bytes }: Pick<StoredFile, 'id' | 'owner' | 'bytes'>,
): Promise<void> {
  const keys = await db.transaction().execute(async (trx) => {
    const gone = await trx.deleteFrom('files').where('id', '=', id).returning('id').executeTakeFirst();
    if (!gone) return [];
    await giveRoom(trx, owner, bytes);
    return trx.deleteFrom('file_objects').where('file_id', '=', id).returning('object').execute();
  });
  for (const { object } of keys) await objects.remove(object);
}

function fileOf(row: FilesTable): StoredFile {
  return {
    id: row.id,
    owner: row.owner,
    filename: row.filename,
    purpose: row.purpose,
    mimeType: row.mime_type,
    bytes: row.bytes,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
