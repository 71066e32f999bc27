import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createPrivateFolder } from '../common/private-files.ts';
import { AppError } from '../errors.ts';
import { connectDatabase, engineOf } from '../store/database.ts';
import { defaultEngines } from '../store/engines.ts';
import { stopOpenTasks } from '../store/inbox.ts';
import { readArchive, type Manifest } from './archive.ts';
import { DATA, DATABASE, KEPT, proofOf, SECRET_KEY_FILE, type BackupConfig } from './backup.ts';

/**
 * Puts a backup into an empty database and a DATA_DIR without keys and files. Nothing is written to them before the whole backup is
 * checked. The tasks that were open end as stopped: the server of the backup has worked on them since, and would have their writes
 * repeated. Rejects with `invalid_request` for a damaged file, a place that is not empty, another engine, or another SECRET_KEY.
 */
export async function restore(
  config: BackupConfig,
  file: string,
): Promise<Manifest & { stoppedTasks: number }> {
  const { databaseUrl, dataDir, secretKey } = config;
  if (!existsSync(file)) throw new AppError('invalid_request', `There is no file ${file}.`);
  const engine = engineOf(databaseUrl, defaultEngines);
  // Other files in DATA_DIR are no obstacle: nothing is restored over them.
  const taken = KEPT.map((name) => join(dataDir, name)).filter((path) => existsSync(path));
  if (taken.length > 0)
    throw new AppError(
      'invalid_request',
      `A backup is restored into an empty place, and there is already: ${taken.join(', ')}. Move it away, or set DATA_DIR to a new folder.`,
    );
  createPrivateFolder(dirname(dataDir));
  // Beside DATA_DIR, so that the files only have to be renamed.
  const folder = await mkdtemp(`${dataDir}.restored-`);
  try {
    const manifest = await readArchive(file, folder);
    checkEngine(manifest, engine.name);
    checkSecretKey(manifest, secretKey);
    // The database first: it may refuse (it is not empty), and then DATA_DIR is as it was.
    await engine.restoreFrom(databaseUrl, join(folder, DATABASE));
    const stoppedTasks = await stopTasks(databaseUrl);
    createPrivateFolder(dataDir);
    // An archive without files of DATA_DIR has no such folder.
    const kept = await readdir(join(folder, DATA)).catch(() => []);
    for (const name of kept) await rename(join(folder, DATA, name), join(dataDir, name));
    return { ...manifest, stoppedTasks };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Has the open tasks end as stopped; resolves with their number. Brings the schema to that of this server on the way. */
async function stopTasks(databaseUrl: string): Promise<number> {
  const database = await connectDatabase({ databaseUrl, onError: () => undefined });
  try {
    return await stopOpenTasks(database.db);
  } finally {
    await database.close();
  }
}

/** Throws `invalid_request`: the copy of one engine is no database of another. */
function checkEngine(manifest: Manifest, name: string): void {
  if (manifest.engine === name) return;
  throw new AppError(
    'invalid_request',
    `The backup is one of ${manifest.engine}, and DATABASE_URL names ${name}: set DATABASE_URL to an empty database of ${manifest.engine}.`,
  );
}

/** The sealed secrets of a database are lost without the key that sealed them. */
function checkSecretKey({ secretKeyProof: proof, files }: Manifest, secretKey: string | undefined): void {
  if (proof === undefined) {
    if (secretKey === undefined || !(`${DATA}/${SECRET_KEY_FILE}` in files)) return;
    throw new AppError(
      'invalid_request',
      'The backup has its own key (secret.key), and SECRET_KEY would be used instead of it: take SECRET_KEY out of the settings.',
    );
  }
  if (secretKey !== undefined && proofOf(secretKey) === proof) return;
  throw new AppError(
    'invalid_request',
    secretKey === undefined
      ? 'The backup was made with a SECRET_KEY of the settings, which is not in it: set the same SECRET_KEY.'
      : 'The backup was made with another SECRET_KEY: set the one with which it was made.',
  );
}
