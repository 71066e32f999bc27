import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeToOthers, createPrivateFolder, PRIVATE_FILE_MODE } from './common/private-files.ts';
import type { Config } from './config.ts';
import type { Log } from './log.ts';
import { knowLastingSecrets } from './secrets.ts';

const KEY_BYTES = 32;
const KEY_FILE = 'secret.key';
const KEY_FILES = [KEY_FILE, 'audit.key', 'jwt.keys'];
/** The files that SQLite and the lock of a server put beside a database. */
const BESIDE_DATABASE = ['', '-wal', '-shm', '.lock', '.pid'];

/**
 * Closes the data folder and the files of the server to other users, with a line in the log for each that was open, and returns
 * the key that seals secrets: SECRET_KEY, or one that is made at the first start and kept in the folder.
 */
export function openDataFolder(config: Config, log: Pick<Log, 'warn'>): string {
  for (const { path, mode } of closeToOthers(privatePathsOf(config)))
    log.warn({ path, mode }, 'this was open to other users of the machine; it is closed to them now');
  return loadSecretKey(config);
}

/** Every folder and file that only the server's user may read, whether it exists or not. */
export function privatePathsOf({ dataDir, databaseUrl, logFile }: Config): string[] {
  const database = /^sqlite:(?!:memory:)(.*)$/s.exec(databaseUrl)?.[1];
  return [
    ...(database === undefined ? [] : BESIDE_DATABASE.map((ending) => database + ending)),
    ...(logFile === undefined ? [] : [logFile]),
    ...(databaseUrl === 'sqlite::memory:'
      ? []
      : [...(isOwn(dataDir) ? [dataDir] : []), ...KEY_FILES.map((name) => join(dataDir, name))]),
  ];
}

/** Whether a folder is for the server alone: it is empty, or has keys. A slip such as `DATA_DIR=/etc` must not close that folder. */
function isOwn(folder: string): boolean {
  try {
    const names = readdirSync(folder);
    return names.length === 0 || KEY_FILES.some((name) => names.includes(name));
  } catch {
    return false; // it is missing, or no folder
  }
}

/** The folder of the keys of the server; undefined for a server that keeps nothing. */
export function keyFolderOf({ databaseUrl, dataDir }: Config): string | undefined {
  return databaseUrl === 'sqlite::memory:' ? undefined : dataDir;
}

function loadSecretKey({ secretKey, dataDir, databaseUrl }: Config): string {
  if (secretKey !== undefined) return secretKey;
  if (databaseUrl === 'sqlite::memory:') return newKey();
  const file = join(dataDir, KEY_FILE);
  createPrivateFolder(dataDir);
  try {
    writeFileSync(file, newKey(), { mode: PRIVATE_FILE_MODE, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // the key of an earlier start
  }
  const key = readFileSync(file, 'utf8').trim();
  knowLastingSecrets([key]); // SECRET_KEY is known already (config.ts)
  return key;
}

function newKey(): string {
  return randomBytes(KEY_BYTES).toString('base64');
}
