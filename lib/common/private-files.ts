import { chmodSync, closeSync, mkdirSync, openSync, statSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { AppError, messageOf } from '../errors.ts';

/** Files of the server hold sessions, keys and requests: nobody but its user may read them. */
export const PRIVATE_FILE_MODE = 0o600;
const PRIVATE_FOLDER_MODE = 0o700;
/** The bits of a mode that open a file to the group and to others. */
const OTHERS = 0o077;

/**
 * Creates a folder, and those above it, for this user only. A folder that exists stays as it is. Throws `invalid_request` where
 * there can be no such folder.
 */
export function createPrivateFolder(folder: string): void {
  try {
    makeFolders(resolve(folder));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isFile = code === 'EEXIST' || code === 'ENOTDIR';
    const why = isFile ? 'a file is there, or on the way to it' : messageOf(error);
    throw new AppError(
      'invalid_request',
      `The folder ${folder} cannot be made: ${why}. DATA_DIR, DATABASE_URL and LOG_FILE say where files are.`,
      { cause: error },
    );
  }
}

/**
 * Makes a folder and those above it, one by one: `recursive` of Node 20 never ends, and takes no signal, in a file system that makes no
 * folders, such as /proc.
 */
function makeFolders(folder: string): void {
  if (tryStat(folder)?.isDirectory()) return;
  if (dirname(folder) !== folder) makeFolders(dirname(folder));
  try {
    mkdirSync(folder, { mode: PRIVATE_FOLDER_MODE });
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!tryStat(folder)?.isDirectory()) throw error;
  }
}

/** Creates an empty file for this user only, before somebody else creates it for all. A file that exists stays as it is. */
export function createPrivateFile(file: string): void {
  closeSync(openSync(file, 'a', PRIVATE_FILE_MODE));
}

/**
 * Closes files and folders to others, as earlier versions did not. Returns those that were open, each with its old mode. Missing
 * ones, those of other users, and anything that is neither file nor folder stay as they are.
 */
export function closeToOthers(paths: readonly string[]): { path: string; mode: string }[] {
  return [...new Set(paths)].flatMap((path) => {
    const found = tryStat(path);
    if (!found || found.uid !== process.getuid?.() || (found.mode & OTHERS) === 0) return [];
    if (!found.isFile() && !found.isDirectory()) return [];
    chmodSync(path, found.isFile() ? PRIVATE_FILE_MODE : PRIVATE_FOLDER_MODE);
    return [{ path, mode: (found.mode & 0o777).toString(8).padStart(4, '0') }];
  });
}

/** The state of a path; undefined where there is nothing, also because a file is on the way to it. */
function tryStat(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}
