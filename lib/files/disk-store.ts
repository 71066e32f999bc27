import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, opendir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { AppError } from '../errors.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';

const HEAD_MAX_BYTES = 64 * 1024;

/**
 * Objects as files in a folder, readable by the owner only. One is written beside the others and takes its name once it is
 * whole and on the disk.
 */
export function openDiskStore(folder: string): ObjectStore {
  const unfinished = join(folder, 'unfinished');
  /** 256 folders, so that none gets large. */
  const folderOf = (key: string): string => join(folder, 'objects', key.slice(0, 2));
  const fileOf = (key: string): string => join(folderOf(key), key);

  async function write(source: Readable, maxBytes: number): Promise<StoredObject> {
    const key = randomUUID().replaceAll('-', '');
    const draft = join(unfinished, key);
    await mkdir(unfinished, { recursive: true, mode: 0o700 });
    const file = await open(draft, 'wx', 0o600);
    try {
      const hash = createHash('md5');
      const head: Buffer[] = [];
      let headBytes = 0;
      let bytes = 0;
      for await (const chunk of source as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw new AppError('too_large', `It is larger than ${maxBytes} bytes.`);
        hash.update(chunk);
        if (headBytes < HEAD_MAX_BYTES) {
          head.push(Buffer.from(chunk.subarray(0, HEAD_MAX_BYTES - headBytes)));
          headBytes += chunk.length;
        }
        for (let from = 0; from < chunk.length;) from += (await file.write(chunk, from)).bytesWritten;
      }
      await file.datasync();
      await file.close();
      await mkdir(folderOf(key), { recursive: true, mode: 0o700 });
      await rename(draft, fileOf(key));
      return { key, bytes, md5: hash.digest('hex'), head: Buffer.concat(head) };
    } catch (error) {
      await file.close().catch(() => undefined); // closed already
      await rm(draft, { force: true });
      throw error;
    }
  }

  return {
    write,
    async read(key) {
      try {
        return (await open(fileOf(key))).createReadStream();
      } catch (cause) {
        if (!isMissing(cause)) throw cause;
        throw new AppError('not_found', 'The content of the file is gone.', { cause });
      }
    },
    remove: (key) => rm(fileOf(key), { force: true }),
    async *list(before) {
      for await (const { parentPath, name } of filesIn(join(folder, 'objects')))
        if (await isOlder(join(parentPath, name), before)) yield name;
    },
    async tidy(before) {
      for await (const { parentPath, name } of filesIn(unfinished))
        if (await isOlder(join(parentPath, name), before)) await rm(join(parentPath, name), { force: true });
    },
  };
}

async function* filesIn(folder: string): AsyncIterable<{ parentPath: string; name: string }> {
  try {
    for await (const entry of await opendir(folder, { recursive: true })) if (entry.isFile()) yield entry;
  } catch (error) {
    if (!isMissing(error)) throw error; // nothing was stored yet
  }
}

async function isOlder(file: string, before: number): Promise<boolean> {
  try {
    return (await stat(file)).mtimeMs < before;
  } catch (error) {
    if (!isMissing(error)) throw error;
    return false; // it went meanwhile
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
