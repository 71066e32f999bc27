/*
 * A file is a row, and one or more objects in the object store. The object is stored first and the row second; the row is
 * removed first and the object second. So a row always has its bytes, and a crash leaves only objects without a row,
 * which the sweep removes (sweep.ts).
 */

import { Readable } from 'node:stream';
import { randomBytes } from 'node:crypto';
import type { Clock } from '../common/clock.ts';
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

/** A file before it is stored. */
export interface NewFile {
  filename: string;
  purpose: string;
  /** How long the file is kept, in ms; for ever when missing. */
  lifeMs?: number | undefined;
}

/** A part of the list of an owner's files. */
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
 * Contract: rejects with an AppError: `not_found` for an unknown id, `forbidden` for a file of another owner,
 * `invalid_request` for a content that is too large or of another format.
 */
export interface Files {
  /** Stores a content. `describe` is called at its end; `format` is the format that the content must have. */
  create(
    owner: string,
    source: Readable,
    describe: () => Promise<NewFile>,
    format?: string,
  ): Promise<StoredFile>;
  find(id: string, caller: Principal): Promise<StoredFile>;
  /** The owner's files in the order of their making; `more`: there are files after this page. */
  list(owner: string, page: FilePage): Promise<{ files: StoredFile[]; more: boolean }>;
  /** The content of a file. */
  open(file: Pick<StoredFile, 'id'>): Readable;
  remove(id: string, caller: Principal): Promise<void>;
}

/** How much may be stored, in bytes. */
export interface FilesLimits {
  fileMaxBytes: number;
  filesPerOwnerMaxBytes: number;
}

/** The parts that files and uploads share. */
export interface FilesContext {
  db: FilesDb;
  objects: ObjectStore;
  limits: FilesLimits;
  clock: Clock;
}

/** Files in the database, their content in an object store. */
export function createFiles(context: FilesContext): Files {
  return new StoredFiles(context);
}

/** Files over their tables and the object store. */
class StoredFiles implements Files {
  readonly #context: FilesContext;

  constructor(context: FilesContext) {
    this.#context = context;
  }

  async create(
    owner: string,
    source: Readable,
    describe: () => Promise<NewFile>,
    format?: string,
  ): Promise<StoredFile> {
    const { db, objects, limits, clock } = this.#context;
    const most = Math.min(limits.fileMaxBytes, await roomLeft(db, owner, limits.filesPerOwnerMaxBytes));
    const object = await receive(objects, source, most, 'A file of yours');
    try {
      const file = await describe();
      const { mime, ext } = await formatOf(object.head, file.filename);
      if (format !== undefined) checkFormat(format, { mime, ext });
      return await db.transaction().execute(async (trx) => {
        await takeRoom(trx, owner, object.bytes, limits.filesPerOwnerMaxBytes);
        return insertFile(trx, { ...file, owner, mimeType: mime, createdAt: clock.now() }, [object]);
      });
    } catch (error) {
      await objects.remove(object.key);
      throw error;
    }
  }

  async find(id: string, caller: Principal): Promise<StoredFile> {
    const { db, clock } = this.#context;
    const row = /^file-[0-9a-f]{24}$/.test(id)
      ? await db.selectFrom('files').selectAll().where('id', '=', id).executeTakeFirst()
      : undefined;
    if (!row || (row.expires_at !== null && row.expires_at <= clock.now()))
      throw new AppError('not_found', `There is no file "${id.slice(0, 100)}".`);
    if (!mayUse(caller, row.owner)) throw new AppError('forbidden', 'The file belongs to somebody else.');
    return fileOf(row);
  }

  async list(owner: string, page: FilePage): Promise<{ files: StoredFile[]; more: boolean }> {
    const { limit, order, after, purpose } = page;
    const now = this.#context.clock.now();
    let query = this.#context.db
      .selectFrom('files')
      .selectAll()
      .where('owner', '=', owner)
      .where(({ eb, or }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]));
    if (purpose !== undefined) query = query.where('purpose', '=', purpose);
    if (after !== undefined) {
      const position = await this.#positionOf(owner, after);
      query = query.where('position', order === 'asc' ? '>' : '<', position);
    }
    const rows = await query
      .orderBy('position', order)
      .limit(limit + 1)
      .execute();
    return { files: rows.slice(0, limit).map(fileOf), more: rows.length > limit };
  }

  open({ id }: Pick<StoredFile, 'id'>): Readable {
    return Readable.from(this.#contentOf(id), { objectMode: false });
  }

  async remove(id: string, caller: Principal): Promise<void> {
    await removeFile(this.#context, await this.find(id, caller));
  }

  /** The content of a file, piece after piece. */
  async *#contentOf(id: string): AsyncGenerator<Buffer> {
    const { db, objects } = this.#context;
    const rows = await db
      .selectFrom('file_objects')
      .select('object')
      .where('file_id', '=', id)
      .orderBy('position')
      .execute();
    for (const { object } of rows) yield* (await objects.read(object)) as AsyncIterable<Buffer>;
  }

  /** The place of a file in its owner's list. Throws `not_found`. */
  async #positionOf(owner: string, id: string): Promise<number> {
    const row = await this.#context.db
      .selectFrom('files')
      .select('position')
      .where('owner', '=', owner)
      .where('id', '=', id)
      .executeTakeFirst();
    if (row) return row.position;
    throw new AppError('not_found', `There is no file "${id.slice(0, 100)}" to go on after.`);
  }
}

/** Stores a content. `what` names it in the error `invalid_request` for a content that is too large. */
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

/** Makes a file of objects that are stored already, in the caller's transaction. */
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

/** Four parameters a part, and SQLite takes 32,766. */
const PARTS_A_STATEMENT = 500;

/** Removes a file: first its rows, then its content, so that a crash between leaves only objects that the sweep removes. */
export async function removeFile(
  { db, objects }: Pick<FilesContext, 'db' | 'objects'>,
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

/** The file of a row. */
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
