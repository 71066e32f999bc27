import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeToOthers, createPrivateFolder, PRIVATE_FILE_MODE } from './common/private-files.ts';
import type { Config } from './config.ts';
import type { Log } from './log.ts';
import { knowLastingSecrets } from './secrets.ts';

const KEY_BYTES = 32;
const KEY_FILE = 'secret.key';
/** The files of keys. A folder that has one of them is the server's own (`isOwn`). */
const KEY_FILES = [KEY_FILE, 'audit.key', 'jwt.keys'];
/** The files that SQLite and the lock of a server put beside a database. */
const BESIDE_DATABASE = ['', '-wal', '-shm', '.lock', '.pid'];
/** [SQLite file format 1.3.1] */
const DATABASE_BEGINNING = 'SQLite format 3\0';

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
    ...(database === undefined || !isDatabase(database)
      ? []
      : BESIDE_DATABASE.map((ending) => database + ending)),
    ...(logFile === undefined ? [] : [logFile]),
    ...(databaseUrl === 'sqlite::memory:'
      ? []
      : [...(isOwn(dataDir) ? [dataDir] : []), ...KEY_FILES.map((name) => join(dataDir, name))]),
  ];
}

/** Whether a file is a database, or will be one. A slip such as `DATABASE_URL=sqlite:/etc/hosts` must not close that file. */
function isDatabase(file: string): boolean {
  if (!existsSync(file)) return true;
  const beginning = Buffer.alloc(DATABASE_BEGINNING.length);
  let opened: number | undefined;
  try {
    opened = openSync(file, 'r');
    return readSync(opened, beginning) === 0 || beginning.toString('latin1') === DATABASE_BEGINNING;
  } catch {
    return false; // it is a folder, or of another user
  } finally {
    if (opened !== undefined) closeSync(opened);
  }
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

/** SECRET_KEY, else the key in the folder. A server that keeps nothing gets a new one at each start. */
function loadSecretKey({ secretKey, dataDir, databaseUrl }: Config): string {
  if (secretKey !== undefined) return secretKey;
  if (databaseUrl === 'sqlite::memory:') return newKey();
  const file = join(dataDir, KEY_FILE);
  createPrivateFolder(dataDir);
  try {
    // `wx` never writes over a key: of two servers that start at once, the second reads the key of the first.
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
