import { mkdir, open, opendir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { systemClock } from '../common/clock.ts';
import { AppError } from '../errors.ts';
import { createMeasure } from './measure.ts';
import {
  checkObjectName,
  checkObjectSize,
  isName,
  type ObjectStore,
  type StoredObject,
} from './object-store.ts';
import type { UrlSigner } from './url-signer.ts';

/**
 * Objects as files in a folder, readable by the server's user only. An object is written beside the others, and gets its name
 * when it is whole and on the disk. Signed URLs lead to this server (dialects/objects).
 */
export function openDiskStore(folder: string, signer: UrlSigner): ObjectStore {
  const unfinished = join(folder, 'unfinished');
  const fileOf = (key: string): string => {
    // 256 folders, so that none gets large.
    if (!isName(key)) return join(folder, 'objects', key.slice(0, 2), key);
    checkObjectName(key);
    return join(folder, 'named', key);
  };

  async function write(source: Readable, maxBytes: number, name?: string): Promise<StoredObject> {
    if (name !== undefined) checkObjectName(name);
    const made = systemClock.newId().replaceAll('-', '');
    const target = fileOf(name ?? made);
    const draft = join(unfinished, made);
    await mkdir(unfinished, { recursive: true, mode: 0o700 });
    const file = await open(draft, 'wx', 0o600);
    try {
      const measure = createMeasure(source as AsyncIterable<Buffer>, maxBytes);
      for await (const chunk of measure.bytes())
        for (let from = 0; from < chunk.length;) from += (await file.write(chunk, from)).bytesWritten;
      await file.datasync();
      await file.close();
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await rename(draft, target);
      return measure.result(name ?? made);
    } catch (error) {
      await file.close().catch(() => undefined); // it is closed already
      await rm(draft, { force: true });
      throw error;
    }
  }

  return {
    write,
    async read(key) {
      try {
        return (await open(fileOf(key))).createReadStream();
      } catch (error) {
        return gone(error);
      }
    },
    async admit(key, maxBytes) {
      const { size: bytes } = await stat(fileOf(key)).catch(gone);
      if (bytes > maxBytes) await rm(fileOf(key), { force: true });
      checkObjectSize(bytes, maxBytes);
      return { bytes };
    },
    remove: (key) => rm(fileOf(key), { force: true }),
    removeUnder: (prefix) => rm(dirname(fileOf(`${prefix}/x`)), { recursive: true, force: true }),
    async *list(before) {
      for await (const { parentPath, name } of filesIn(join(folder, 'objects')))
        if (await isOlder(join(parentPath, name), before)) yield name;
    },
    async tidy(before) {
      for await (const { parentPath, name } of filesIn(unfinished))
        if (await isOlder(join(parentPath, name), before)) await rm(join(parentPath, name), { force: true });
    },
    sign(grant) {
      fileOf(grant.key); // throws for a bad name, which is not signed
      return Promise.resolve(signer.sign(grant));
    },
    keyOf: (url, origin) => signer.keyOf(url, origin),
    close() {},
  };
}

/** All files in a folder and below it; none when the folder does not exist. */
async function* filesIn(folder: string): AsyncIterable<{ parentPath: string; name: string }> {
  try {
    for await (const entry of await opendir(folder, { recursive: true })) if (entry.isFile()) yield entry;
  } catch (error) {
    if (!isMissing(error)) throw error; // nothing was stored yet
  }
}

/** Whether a file was last written before a time. */
async function isOlder(file: string, before: number): Promise<boolean> {
  try {
    return (await stat(file)).mtimeMs < before;
  } catch (error) {
    if (!isMissing(error)) throw error;
    return false; // it was removed meanwhile
  }
}

/** Throws `not_found` for a file that does not exist, and any other error as it is. */
function gone(cause: unknown): never {
  if (!isMissing(cause)) throw cause;
  throw new AppError('not_found', 'The content of the file is gone.', { cause });
}

/** Whether an error says that a file does not exist. */
function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
