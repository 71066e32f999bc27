import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { packageRoot } from '../../package.ts';

/** A file of the page, in each encoding that a browser may ask for [RFC 9110 8.4.1]. */
export interface PageFile {
  type: string;
  identity: Buffer;
  gzip: Buffer;
  br: Buffer;
}

const types: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** The folder into which `npm run build` writes the page. */
export function consoleFolder(): string {
  return join(packageRoot(), 'dist/console');
}

/** Reads and compresses the files of a folder once; the function resolves with them by name, or with none when there is no folder. */
export function pageFiles(folder: string): () => Promise<ReadonlyMap<string, PageFile>> {
  let reading: Promise<ReadonlyMap<string, PageFile>> | undefined;
  return () => {
    reading ??= readFiles(folder);
    // A page that could not be read may be built in the meantime.
    reading.then(
      (files) => files.size === 0 && (reading = undefined),
      () => (reading = undefined),
    );
    return reading;
  };
}

async function readFiles(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const files = await Promise.all(
    names.flatMap((name) => {
      const type = types[name.slice(name.lastIndexOf('.') + 1)];
      return type === undefined
        ? []
        : [readPageFile(join(folder, name), type).then((file) => [name, file] as const)];
    }),
  );
  return new Map(files);
}

async function readPageFile(path: string, type: string): Promise<PageFile> {
  const identity = await readFile(path);
  const [zipped, br] = await Promise.all([
    promisify(gzip)(identity, { level: constants.Z_BEST_COMPRESSION }),
    promisify(brotliCompress)(identity),
  ]);
  return { type, identity, gzip: zipped, br };
}
