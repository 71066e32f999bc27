import { createHash, randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { mayUse } from '../core/principal.ts';
import type { Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import { formatOf } from './format.ts';
import type { ObjectStore } from './object-store.ts';
import { insertFile, receive, type FilesGround, type StoredFile } from './files.ts';
import type { FilesDb, UploadPartsTable, UploadsTable } from './schema.ts';
import { giveRoom, takeRoom } from './usage.ts';

/** A file that comes in parts. Times in ms since the epoch. */
export interface Upload {
  /** `upload_` and 32 hexadecimal digits. */
  id: string;
  owner: string;
  sessionId: string | null;
  filename: string;
  purpose: string;
  mimeType: string;
  /** How large the file is to be. */
  bytes: number;
  status: 'pending' | 'completed' | 'cancelled' | 'expired';
  createdAt: number;
  expiresAt: number;
}

export interface UploadPart {
  id: string;
  uploadId: string;
  bytes: number;
  createdAt: number;
}

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
 * Files that come in parts.
 *
 * Contract: rejects with an AppError: `not_found` for an unknown id, `forbidden` for somebody else's upload,
 * `invalid_request` for what does not fit: wrong state, expired, too much, sizes or md5 that are not as was said.
 */
export interface Uploads {
  /** Takes the room for all of it. */
  create(upload: NewUpload): Promise<Upload>;
  find(id: string, caller: Principal): Promise<Upload>;
  /** Stores what comes; at its end `check` may still refuse it. */
  addPart(upload: Upload, source: Readable, check: () => Promise<void>): Promise<UploadPart>;
  /** Makes a file of parts, in this order, at once: it is there as a whole or not at all. */
  complete(
    upload: Upload,
    partIds: readonly string[],
    md5?: string,
  ): Promise<{ upload: Upload; file: StoredFile }>;
  cancel(upload: Upload): Promise<Upload>;
}

export interface UploadsGround extends FilesGround {
  limits: FilesGround['limits'] & { uploadMaxBytes: number; uploadPartMaxBytes: number };
}

const LIFE_MS = 3_600_000;
const PARTS_MAX_COUNT = 10_000;
/** How often over an upload may be sent, as parts that were sent again. */
const SENT_TIMES = 2;

/** Uploads in the database, their parts in an object store. A part becomes a piece of the file as it lies. */
export function openUploads(ground: UploadsGround): Uploads {
  const { db, objects, limits, now } = ground;

  async function find(id: string, caller: Principal): Promise<Upload> {
    const row = /^upload_[0-9a-f]{32}$/.test(id)
      ? await db.selectFrom('uploads').selectAll().where('id', '=', id).executeTakeFirst()
      : undefined;
    if (!row) throw new AppError('not_found', `There is no upload "${id.slice(0, 100)}".`);
    if (!mayUse(caller, row.owner)) throw new AppError('forbidden', 'The upload belongs to somebody else.');
    return uploadOf(row, now());
  }

  /** What has come so far; throws when the upload takes no more. */
  async function partsOf(on: FilesDb, id: string): Promise<UploadPartsTable[]> {
    return on.selectFrom('upload_parts').selectAll().where('upload_id', '=', id).execute();
  }

  function checkRoom(upload: Upload, parts: readonly UploadPartsTable[], more: number): void {
    const sent = parts.reduce((sum, { bytes }) => sum + bytes, 0);
    if (sent + more > SENT_TIMES * upload.bytes)
      throw refusal(`more has come than ${SENT_TIMES} times its ${upload.bytes} bytes`);
    if (parts.length >= PARTS_MAX_COUNT) throw refusal(`it has ${PARTS_MAX_COUNT} parts already`);
  }

  /** Holds the upload as it is until the transaction ends; throws when it is not pending. */
  async function hold(trx: FilesDb, { id }: Upload, next: Partial<UploadsTable> = {}): Promise<Upload> {
    const row = await trx
      .updateTable('uploads')
      .set({ status: 'pending', ...next })
      .where('id', '=', id)
      .where('status', '=', 'pending')
      .where('expires_at', '>', now())
      .returningAll()
      .executeTakeFirst();
    if (!row) throw refusal('it is not pending any more');
    return uploadOf(row, now());
  }

  async function removeParts(trx: FilesDb, id: string): Promise<string[]> {
    const gone = await trx
      .deleteFrom('upload_parts')
      .where('upload_id', '=', id)
      .returning('object')
      .execute();
    return gone.map(({ object }) => object);
  }

  async function md5Of(parts: readonly UploadPartsTable[]): Promise<string> {
    if (parts.length === 1) return parts[0]!.md5;
    const hash = createHash('md5');
    for (const { object } of parts)
      for await (const chunk of (await objects.read(object)) as AsyncIterable<Buffer>) hash.update(chunk);
    return hash.digest('hex');
  }

  return {
    async create(upload) {
      const { owner, sessionId = null, filename, purpose, mimeType, bytes, fileLifeMs = null } = upload;
      if (bytes > limits.uploadMaxBytes)
        throw new AppError('invalid_request', `An upload has at most ${limits.uploadMaxBytes} bytes.`, {
          faults: [{ pointer: '/bytes', detail: `must be at most ${limits.uploadMaxBytes}` }],
        });
      const row: UploadsTable = {
        id: `upload_${randomUUID().replaceAll('-', '')}`,
        owner,
        session_id: sessionId,
        filename,
        purpose,
        mime_type: mimeType,
        bytes,
        status: 'pending',
        created_at: now(),
        expires_at: now() + LIFE_MS,
        file_life_ms: fileLifeMs,
        file_id: null,
      };
      await db.transaction().execute(async (trx) => {
        await takeRoom(trx, owner, bytes, limits.filesPerOwnerMaxBytes);
        await trx.insertInto('uploads').values(row).execute();
      });
      return uploadOf(row, now());
    },

    find,

    async addPart(upload, source, check) {
      if (upload.status !== 'pending') throw refusal(`it is ${upload.status}`);
      checkRoom(upload, await partsOf(db, upload.id), 0);
      const most = Math.min(limits.uploadPartMaxBytes, upload.bytes);
      const { key, bytes, md5 } = await receive(objects, source, most, 'A part of this upload');
      try {
        await check();
        const part: UploadPartsTable = {
          id: `part_${randomUUID().replaceAll('-', '')}`,
          upload_id: upload.id,
          object: key,
          bytes,
          md5,
          created_at: now(),
        };
        await db.transaction().execute(async (trx) => {
          await hold(trx, upload);
          checkRoom(upload, await partsOf(trx, upload.id), bytes);
          await trx.insertInto('upload_parts').values(part).execute();
        });
        return { id: part.id, uploadId: upload.id, bytes, createdAt: part.created_at };
      } catch (error) {
        await objects.remove(key);
        throw error;
      }
    },

    async complete(upload, partIds, md5) {
      if (upload.status !== 'pending') throw refusal(`it is ${upload.status}`);
      const known = new Map((await partsOf(db, upload.id)).map((part) => [part.id, part]));
      const parts = partIds.map((id, index) => {
        const part = known.get(id);
        known.delete(id); // a part is one piece of the file
        if (part) return part;
        throw new AppError('invalid_request', 'A part is not of this upload, or is named twice.', {
          faults: [
            { pointer: `/part_ids/${index}`, detail: 'is not a part of this upload, or is named twice' },
          ],
        });
      });
      const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
      if (bytes !== upload.bytes) throw refusal(`its parts have ${bytes} bytes, not ${upload.bytes}`);
      if (md5 !== undefined && (await md5Of(parts)) !== md5.toLowerCase())
        throw refusal('the md5 of its parts is another one');
      const { mime } = await formatOf(await headOf(objects, parts[0]?.object), upload.filename);
      const made = await db.transaction().execute(async (trx) => {
        const completed = await hold(trx, upload, { status: 'completed' });
        const row = await trx
          .selectFrom('uploads')
          .selectAll()
          .where('id', '=', upload.id)
          .executeTakeFirstOrThrow();
        const { owner, filename, purpose } = completed;
        const file = await insertFile(
          trx,
          {
            owner,
            filename,
            purpose,
            mimeType: mime,
            createdAt: now(),
            lifeMs: row.file_life_ms ?? undefined,
          },
          parts.map((part) => ({ key: part.object, bytes: part.bytes })),
        );
        await trx.updateTable('uploads').set({ file_id: file.id }).where('id', '=', upload.id).execute();
        const used = new Set(parts.map(({ object }) => object));
        const unused = (await removeParts(trx, upload.id)).filter((object) => !used.has(object));
        return { upload: completed, file, unused };
      });
      for (const object of made.unused) await objects.remove(object);
      return { upload: made.upload, file: made.file };
    },

    async cancel(upload) {
      if (upload.status !== 'pending') throw refusal(`it is ${upload.status}`);
      return endUpload(ground, upload, (trx) => hold(trx, upload, { status: 'cancelled' }));
    },
  };
}

const HEAD_MAX_BYTES = 64 * 1024;

/** The first bytes of an object, by which its type is told. */
async function headOf(objects: ObjectStore, key: string | undefined): Promise<Buffer> {
  if (key === undefined) return Buffer.alloc(0);
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of (await objects.read(key)) as AsyncIterable<Buffer>) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes >= HEAD_MAX_BYTES) break;
  }
  return Buffer.concat(pieces).subarray(0, HEAD_MAX_BYTES);
}

/** Ends an upload without a file: `end` makes it so, its room is given back, its parts go. */
export async function endUpload<Ended>(
  { db, objects }: Pick<FilesGround, 'db' | 'objects'>,
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

function refusal(why: string): AppError {
  return new AppError('invalid_request', `The upload cannot be worked on: ${why}.`);
}

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
