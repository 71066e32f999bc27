import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { systemClock } from '../common/clock.ts';
import type { Config } from '../config.ts';
import { AppError, messageOf } from '../errors.ts';
import { packageVersion } from '../package.ts';
import { engineOf } from '../store/database.ts';
import { defaultEngines } from '../store/engines.ts';
import { readArchive, writeArchive, type ArchivedFile, type Manifest } from './archive.ts';

/** The name of the copy of the database in an archive. The files of DATA_DIR are beside it, under `data/`. */
export const DATABASE = 'database';
/** The folder of the files of DATA_DIR in an archive. */
export const DATA = 'data';
/** The key that opens sealed secrets, where SECRET_KEY does not set it. */
export const SECRET_KEY_FILE = 'secret.key';
/** The files and folders of DATA_DIR that a server cannot do without. */
export const KEPT: readonly string[] = [SECRET_KEY_FILE, 'jwt.keys', 'audit.key', 'files'];

/** The settings that say where everything is. */
export type BackupConfig = Pick<Config, 'databaseUrl' | 'dataDir' | 'secretKey'>;

/**
 * Writes everything that a server keeps into one new file, while the server works: its database as of one moment, its keys and its
 * files. The file is checked before it gets its name. Rejects with `invalid_request` when the file exists, or when there is nothing
 * to back up.
 */
export async function backUp(config: BackupConfig, file: string): Promise<Manifest> {
  const { databaseUrl, dataDir, secretKey } = config;
  if (existsSync(file))
    throw new AppError('invalid_request', `${file} exists: a backup overwrites nothing. Name another file.`);
  const engine = engineOf(databaseUrl, defaultEngines);
  // Beside the file, so that the finished file only has to be renamed.
  const folder = await mkdtemp(`${file}.unfinished-`).catch((cause: unknown) => {
    const why = existsSync(dirname(file)) ? messageOf(cause) : `there is no folder ${dirname(file)}`;
    throw new AppError('invalid_request', `${file} cannot be written: ${why}.`, { cause });
  });
  try {
    // The database first: each file that it names is there already, and later ones do no harm.
    const database = join(folder, DATABASE);
    await engine.copyTo(databaseUrl, database);
    const draft = join(folder, 'archive');
    const manifest = await writeArchive(draft, filesOf(database, dataDir), {
      version: packageVersion(),
      madeAt: new Date(systemClock.now()).toISOString(),
      engine: engine.name,
      // A SECRET_KEY of the settings is not in the archive, so that restoring can only check it.
      ...(secretKey !== undefined && { secretKeyProof: proofOf(secretKey) }),
    });
    // Read again from the disk: a backup that cannot be read is found on the day it is made.
    await readArchive(draft);
    await rename(draft, file);
    return manifest;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A text by which a SECRET_KEY is recognized, and from which it cannot be read. */
export function proofOf(secretKey: string): string {
  return createHmac('sha256', secretKey).update('lite-agent backup').digest('hex').slice(0, 32);
}

/** The files of an archive, the database first. A file of `KEPT` that does not exist is left out. */
async function* filesOf(database: string, dataDir: string): AsyncGenerator<ArchivedFile> {
  yield { name: DATABASE, path: database };
  for (const kept of KEPT) yield* filesBelow(join(dataDir, kept), dataDir);
}

/** A file, or all files of a folder, except for uploads that are not whole yet. */
async function* filesBelow(path: string, root: string): AsyncGenerator<ArchivedFile> {
  if (!existsSync(path) || path === join(root, 'files', 'unfinished')) return;
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  if (entries) for (const { name } of entries) yield* filesBelow(join(path, name), root);
  else yield { name: [DATA, ...relative(root, path).split(sep)].join('/'), path };
}
