import { createHash } from 'node:crypto';
import { AppError } from '../errors.ts';
import { HEAD_MAX_BYTES, type ObjectStore } from './object-store.ts';
import type { FilesDb, UploadPartsTable } from './schema.ts';

const PARTS_MAX_COUNT = 10_000;
/** A client may send parts again, up to so many times the upload's size. */
const SENT_TIMES = 2;

/** The parts of an upload that were sent so far. */
export async function readParts(on: FilesDb, id: string): Promise<UploadPartsTable[]> {
  return on.selectFrom('upload_parts').selectAll().where('upload_id', '=', id).execute();
}

/** Removes the rows of all parts of an upload; resolves with their objects. */
export async function removeParts(trx: FilesDb, id: string): Promise<string[]> {
  const gone = await trx.deleteFrom('upload_parts').where('upload_id', '=', id).returning('object').execute();
  return gone.map(({ object }) => object);
}

/** Throws when the upload takes no part with so many more bytes. */
export function checkRoom(upload: { bytes: number }, parts: readonly UploadPartsTable[], more: number): void {
  const sent = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  if (sent + more > SENT_TIMES * upload.bytes)
    throw refused(`more than ${SENT_TIMES} times its ${upload.bytes} bytes were sent`);
  if (parts.length >= PARTS_MAX_COUNT) throw refused(`it has ${PARTS_MAX_COUNT} parts already`);
}

/** The parts of these ids in their order; each part is at most one piece of the file. */
export function chooseParts(
  all: readonly UploadPartsTable[],
  partIds: readonly string[],
): UploadPartsTable[] {
  const left = new Map(all.map((part) => [part.id, part]));
  return partIds.map((id, index) => {
    const part = left.get(id);
    left.delete(id);
    if (part) return part;
    throw new AppError('invalid_request', 'A part is not of this upload, or is named twice.', {
      faults: [{ pointer: `/part_ids/${index}`, detail: 'is not a part of this upload, or is named twice' }],
    });
  });
}

/** The md5 of the parts as one content, hexadecimal. */
export async function md5Of(objects: ObjectStore, parts: readonly UploadPartsTable[]): Promise<string> {
  if (parts.length === 1) return parts[0]!.md5;
  const hash = createHash('md5');
  for (const { object } of parts)
    for await (const chunk of (await objects.read(object)) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}

/** The first bytes of an object, which show its type. */
export async function headOf(objects: ObjectStore, key: string | undefined): Promise<Buffer> {
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

/** The error for an upload that cannot go on. */
export function refused(why: string): AppError {
  return new AppError('invalid_request', `The upload cannot be worked on: ${why}.`);
}
