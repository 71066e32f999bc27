import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { extract, pack, type Pack } from 'tar-stream';
import { isObject } from '../common/json.ts';
import { PRIVATE_FILE_MODE } from '../common/private-files.ts';
import { AppError } from '../errors.ts';

/** The facts about a backup. It is the last entry of the archive, so that an archive which was cut off has none. */
export interface Manifest {
  /** The version of the server that made it. */
  version: string;
  /** ISO 8601. */
  madeAt: string;
  /** The engine of the database. */
  engine: string;
  /** Missing where the key is in the archive; else a proof by which SECRET_KEY is recognized. */
  secretKeyProof?: string;
  /** The SHA-256 of each file by its name, in hex. */
  files: Record<string, string>;
}

/** A file for an archive, and its name there. */
export interface ArchivedFile {
  /** With slashes, also on Windows. */
  name: string;
  /** The file on the disk. */
  path: string;
}

const MANIFEST = 'manifest.json';

/** Writes an archive (tar, gzip) that only its user may read. Rejects when the file exists. */
export async function writeArchive(
  file: string,
  files: AsyncIterable<ArchivedFile>,
  facts: Omit<Manifest, 'files'>,
): Promise<Manifest> {
  const tar = pack();
  const written = pipeline(
    tar,
    createGzip(),
    createWriteStream(file, { flags: 'wx', mode: PRIVATE_FILE_MODE }),
  );
  const packed = packAll(tar, files, facts);
  // It ends `written`, too, which would wait for the rest of the archive for ever.
  packed.catch((error: Error) => tar.destroy(error));
  const [manifest] = await Promise.all([packed, written]);
  return manifest;
}

/** Writes the files one after the other, then the manifest. Resolves with the manifest when everything is in the stream. */
async function packAll(
  tar: Pack,
  files: AsyncIterable<ArchivedFile>,
  facts: Omit<Manifest, 'files'>,
): Promise<Manifest> {
  const manifest: Manifest = { ...facts, files: {} };
  for await (const { name, path } of files) {
    const found = await stat(path).catch(() => undefined); // a file that was removed since it was listed
    if (!found) continue;
    const hash = createHash('sha256');
    // A tar names the size before the content: a file that grows or shrinks while it is read makes the entry fail.
    const entry = tar.entry({ name, size: found.size, mode: PRIVATE_FILE_MODE, mtime: found.mtime });
    const finished = once(entry, 'finish');
    for await (const chunk of hashed(createReadStream(path), hash))
      if (!entry.write(chunk)) await once(entry, 'drain');
    entry.end(undefined); // its types want an argument
    await finished;
    manifest.files[name] = hash.digest('hex');
  }
  const text = JSON.stringify(manifest, undefined, 2);
  tar.entry({ name: MANIFEST, mode: PRIVATE_FILE_MODE }, text);
  tar.finalize();
  return manifest;
}

/**
 * Reads a whole archive, and checks it: each file is there, and is as it was written. With `folder` the files are written there.
 * Rejects with `invalid_request` for a damaged file, or one that is no backup.
 */
export async function readArchive(file: string, folder?: string): Promise<Manifest> {
  const sums = new Map<string, string>();
  let manifest: Manifest | undefined;
  const entries = extract();
  const unpacked = pipeline(createReadStream(file), createGunzip(), entries);
  unpacked.catch(() => undefined); // it is awaited below
  try {
    for await (const entry of entries) {
      const { name } = entry.header;
      // The manifest comes last: the sums are compared when all files were read.
      if (name === MANIFEST) manifest = parseManifest(await textOf(entry as AsyncIterable<Buffer>));
      else sums.set(name, await readEntry(entry as AsyncIterable<Buffer>, folder && placeIn(folder, name)));
    }
    await unpacked;
  } catch (cause) {
    throw damaged(file, cause instanceof AppError ? cause.message : 'it is cut off, or no archive', cause);
  }
  if (!manifest) throw damaged(file, 'its list of files is missing');
  const wrong = Object.entries(manifest.files).filter(([name, sum]) => sums.get(name) !== sum);
  // Also a file that is in the archive and not in the list makes it a wrong one.
  if (wrong.length > 0 || sums.size !== Object.keys(manifest.files).length)
    throw damaged(
      file,
      `these files are not as they were written: ${wrong.map(([name]) => name).join(', ')}`,
    );
  return manifest;
}

/** Reads one file of an archive; resolves with its SHA-256 in hex. */
async function readEntry(entry: AsyncIterable<Buffer>, path: string | undefined): Promise<string> {
  const hash = createHash('sha256');
  if (path === undefined) for await (const _ of hashed(entry, hash));
  else {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await pipeline(hashed(entry, hash), createWriteStream(path, { flags: 'wx', mode: PRIVATE_FILE_MODE }));
  }
  return hash.digest('hex');
}

/** The chunks of a file, which go into a hash on their way. */
async function* hashed(source: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}

/** The place of a file in a folder. A name that leads out of the folder is refused. */
function placeIn(folder: string, name: string): string {
  if (name.startsWith('/') || name.split('/').some((part) => part === '' || part === '.' || part === '..'))
    throw new AppError('invalid_request', `it has a file with the name ${JSON.stringify(name)}`);
  return join(folder, ...name.split('/'));
}

/** The whole text of an entry. Only the manifest is read so. */
async function textOf(entry: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Throws `invalid_request` for a text that is no manifest. */
function parseManifest(text: string): Manifest {
  const value = JSON.parse(text) as unknown;
  if (!isObject(value) || !isObject(value['files']) || typeof value['engine'] !== 'string')
    throw new AppError('invalid_request', 'its list of files cannot be read');
  return value as unknown as Manifest;
}

/** `why` is a part of a sentence. */
function damaged(file: string, why: string, cause?: unknown): AppError {
  const text = `${file} is no whole backup: ${why}. Nothing was restored from it; take another one.`;
  return new AppError('invalid_request', text, { cause });
}
