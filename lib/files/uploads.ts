/*
 * The states of an upload, each change in one transaction:
 *
 *   pending     addPart     pending     a row and an object for each part
 *   pending     complete    completed   the parts become pieces of the file, in the order that the client names
 *   pending     cancel      cancelled   the parts are removed, the room is freed
 *   pending     one hour    expired     the same, by the sweep
 *
 * The room for the whole file is taken when the upload begins, so that it cannot fail for lack of room at its end.
 */

import type { Readable } from 'node:stream';
import type { Clock } from '../common/clock.ts';
import { mayUse } from '../core/principal.ts';
import type { Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import { formatOf } from './format.ts';
import { insertFile, receive, type FilesContext, type StoredFile } from './files.ts';
import type { FilesDb, UploadPartsTable, UploadsTable } from './schema.ts';
import { checkRoom, chooseParts, headOf, md5Of, readParts, refused, removeParts } from './upload-parts.ts';
import { giveRoom, takeRoom } from './usage.ts';

/** A file that a client sends in parts. Times in ms since the epoch. */
export interface Upload {
  /** `upload_` and 32 hexadecimal digits. */
  id: string;
  owner: string;
  sessionId: string | null;
  filename: string;
  purpose: string;
  mimeType: string;
  /** The size of the whole file. */
  bytes: number;
  status: 'pending' | 'completed' | 'cancelled' | 'expired';
  createdAt: number;
  expiresAt: number;
}

/** A part that was sent. */
export interface UploadPart {
  id: string;
  uploadId: string;
  bytes: number;
  createdAt: number;
}

/** An upload before it begins. */
export interface NewUpload {
  owner: string;
  sessionId?: string | undefined;
  filename: string;
  purpose: string;
  mimeType: string;
  bytes: number;
  fileLifeMs?: number | undefined;
}

/**
 * Files that clients send in parts.
 *
 * Contract: rejects with an AppError: `not_found` for an unknown id, `forbidden` for an upload of another owner,
 * `invalid_request` for a wrong state, an expired upload, too many bytes, or a size or md5 that differs from the announced one.
 */
export interface Uploads {
  /** Begins an upload, and takes the room for the whole file. */
  create(upload: NewUpload): Promise<Upload>;
  find(id: string, caller: Principal): Promise<Upload>;
  /** Stores a part. `check` is called at its end and may still refuse it. */
  addPart(upload: Upload, source: Readable, check: () => Promise<void>): Promise<UploadPart>;
  /** Makes a file of parts, in this order: the whole file exists, or nothing of it. */
  complete(
    upload: Upload,
    partIds: readonly string[],
    md5?: string,
  ): Promise<{ upload: Upload; file: StoredFile }>;
  /** Ends an upload without a file. */
  cancel(upload: Upload): Promise<Upload>;
}

/** The parts that uploads take. */
export interface UploadsContext extends FilesContext {
  limits: FilesContext['limits'] & { uploadMaxBytes: number; uploadPartMaxBytes: number };
}

/** A client has one hour to send all parts. */
const LIFE_MS = 3_600_000;

/** Uploads in the database, their parts in an object store. A part becomes a piece of the file as it is. */
export function createUploads(context: UploadsContext): Uploads {
  return new StoredUploads(context);
}

/** Uploads over their tables and the object store. */
class StoredUploads implements Uploads {
  readonly #context: UploadsContext;

  constructor(context: UploadsContext) {
    this.#context = context;
  }

  async create(upload: NewUpload): Promise<Upload> {
    const { db, limits, clock } = this.#context;
    const { owner, bytes } = upload;
    if (bytes > limits.uploadMaxBytes)
      throw new AppError('invalid_request', `An upload has at most ${limits.uploadMaxBytes} bytes.`, {
        faults: [{ pointer: '/bytes', detail: `must be at most ${limits.uploadMaxBytes}` }],
      });
    const row = rowOf(upload, clock);
    await db.transaction().execute(async (trx) => {
      await takeRoom(trx, owner, bytes, limits.filesPerOwnerMaxBytes);
      await trx.insertInto('uploads').values(row).execute();
    });
    return uploadOf(row, clock.now());
  }

  async find(id: string, caller: Principal): Promise<Upload> {
    const { db, clock } = this.#context;
    const row = /^upload_[0-9a-f]{32}$/.test(id)
      ? await db.selectFrom('uploads').selectAll().where('id', '=', id).executeTakeFirst()
      : undefined;
    if (!row) throw new AppError('not_found', `There is no upload "${id.slice(0, 100)}".`);
    if (!mayUse(caller, row.owner)) throw new AppError('forbidden', 'The upload belongs to somebody else.');
    return uploadOf(row, clock.now());
  }

  async addPart(upload: Upload, source: Readable, check: () => Promise<void>): Promise<UploadPart> {
    const { db, objects, limits, clock } = this.#context;
    checkPending(upload);
    checkRoom(upload, await readParts(db, upload.id), 0);
    const most = Math.min(limits.uploadPartMaxBytes, upload.bytes);
    const { key, bytes, md5 } = await receive(objects, source, most, 'A part of this upload');
    try {
      await check();
      const part: UploadPartsTable = {
        id: `part_${hexId(clock)}`,
        upload_id: upload.id,
        object: key,
        bytes,
        md5,
        created_at: clock.now(),
      };
      await db.transaction().execute(async (trx) => {
        await this.#holdPending(trx, upload);
        checkRoom(upload, await readParts(trx, upload.id), bytes);
        await trx.insertInto('upload_parts').values(part).execute();
      });
      return { id: part.id, uploadId: upload.id, bytes, createdAt: part.created_at };
    } catch (error) {
      await objects.remove(key);
      throw error;
    }
  }

  async complete(
    upload: Upload,
    partIds: readonly string[],
    md5?: string,
  ): Promise<{ upload: Upload; file: StoredFile }> {
    const { db, objects } = this.#context;
    checkPending(upload);
    const parts = chooseParts(await readParts(db, upload.id), partIds);
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    if (bytes !== upload.bytes) throw refused(`its parts have ${bytes} bytes, not ${upload.bytes}`);
    if (md5 !== undefined && (await md5Of(objects, parts)) !== md5.toLowerCase())
      throw refused('the md5 of its parts is another one');
    const { mime } = await formatOf(await headOf(objects, parts[0]?.object), upload.filename);
    const made = await db.transaction().execute((trx) => this.#makeFile(trx, upload, parts, mime));
    for (const object of made.unused) await objects.remove(object);
    return { upload: made.upload, file: made.file };
  }

  async cancel(upload: Upload): Promise<Upload> {
    checkPending(upload);
    return endUpload(this.#context, upload, (trx) => this.#holdPending(trx, upload, { status: 'cancelled' }));
  }

  /** The file of these parts; `unused` are the objects of all other parts. */
  async #makeFile(
    trx: FilesDb,
    upload: Upload,
    parts: readonly UploadPartsTable[],
    mimeType: string,
  ): Promise<{ upload: Upload; file: StoredFile; unused: string[] }> {
    const completed = await this.#holdPending(trx, upload, { status: 'completed' });
    const { file_life_ms: lifeMs } = await trx
      .selectFrom('uploads')
      .select('file_life_ms')
      .where('id', '=', upload.id)
      .executeTakeFirstOrThrow();
    const { owner, filename, purpose } = completed;
    const createdAt = this.#context.clock.now();
    const file = await insertFile(
      trx,
      { owner, filename, purpose, mimeType, createdAt, lifeMs: lifeMs ?? undefined },
      parts.map((part) => ({ key: part.object, bytes: part.bytes })),
    );
    await trx.updateTable('uploads').set({ file_id: file.id }).where('id', '=', upload.id).execute();
    const used = new Set(parts.map(({ object }) => object));
    const all = await removeParts(trx, upload.id);
    return { upload: completed, file, unused: all.filter((object) => !used.has(object)) };
  }

  /** Locks the upload until the transaction ends, and changes it; throws when it is not pending. */
  async #holdPending(trx: FilesDb, { id }: Upload, change: Partial<UploadsTable> = {}): Promise<Upload> {
    const now = this.#context.clock.now();
    const row = await trx
      .updateTable('uploads')
      .set({ status: 'pending', ...change })
      .where('id', '=', id)
      .where('status', '=', 'pending')
      .where('expires_at', '>', now)
      .returningAll()
      .executeTakeFirst();
    if (!row) throw refused('it is not pending any more');
    return uploadOf(row, now);
  }
}

/** The row of a new upload. */
function rowOf(upload: NewUpload, clock: Clock): UploadsTable {
  const { owner, sessionId = null, filename, purpose, mimeType, bytes, fileLifeMs = null } = upload;
  const now = clock.now();
  return {
    id: `upload_${hexId(clock)}`,
    owner,
    session_id: sessionId,
    filename,
    purpose,
    mime_type: mimeType,
    bytes,
    status: 'pending',
    created_at: now,
    expires_at: now + LIFE_MS,
    file_life_ms: fileLifeMs,
    file_id: null,
  };
}

/** An id of 32 hexadecimal digits. */
function hexId(clock: Clock): string {
  return clock.newId().replaceAll('-', '');
}

/** Throws when an upload has ended. */
function checkPending({ status }: Upload): void {
  if (status !== 'pending') throw refused(`it is ${status}`);
}

/** Ends an upload without a file: `end` changes its state, its room is freed, its parts are removed. */
export async function endUpload<Ended>(
  { db, objects }: Pick<FilesContext, 'db' | 'objects'>,
  { id, owner, bytes }: Pick<Upload, 'id' | 'owner' | 'bytes'>,
  end: (trx: FilesDb) => Promise<Ended>,
): Promise<Ended> {
  const { ended, gone } = await db.transaction().execute(async (trx) => {
    const outcome = await end(trx);
    await giveRoom(trx, owner, bytes);
    const parts = trx.deleteFrom('upload_parts').where('upload_id', '=', id).returning('object');
    return { ended: outcome, gone: await parts.execute() };
  });
  for (const { object } of gone) await objects.remove(object);
  return ended;
}

/** The upload of a row; one whose time is over is expired, also before the sweep. */
function uploadOf(row: UploadsTable, at: number): Upload {
  return {
    id: row.id,
    owner: row.owner,
    sessionId: row.session_id,
    filename: row.filename,
    purpose: row.purpose,
    mimeType: row.mime_type,
    bytes: row.bytes,
    status: row.status === 'pending' && row.expires_at <= at ? 'expired' : row.status,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
