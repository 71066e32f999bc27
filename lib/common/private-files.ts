import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs';

/** Files of the server hold sessions, keys and requests: nobody but its user may read them. */
export const PRIVATE_FILE_MODE = 0o600;
const PRIVATE_FOLDER_MODE = 0o700;
/** The bits of a mode that open a file to the group and to others. */
const OTHERS = 0o077;

/** Creates a folder, and those above it, for this user only. A folder that exists stays as it is. */
export function createPrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER_MODE });
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
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found || found.uid !== process.getuid?.() || (found.mode & OTHERS) === 0) return [];
    if (!found.isFile() && !found.isDirectory()) return [];
    chmodSync(path, found.isFile() ? PRIVATE_FILE_MODE : PRIVATE_FOLDER_MODE);
    return [{ path, mode: (found.mode & 0o777).toString(8).padStart(4, '0') }];
  });
}
