import { constants } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { createPrivateFolder } from '../../common/private-files.ts';
import { AppError } from '../../errors.ts';

/** All pages in one step: a copy in several steps begins anew whenever another process writes [SQLite backup API]. */
const ALL_PAGES = 0x7fffffff;

/** Writes a whole copy of a database in use, as of one moment, and checks it. */
export async function copySqlite(file: string, target: string): Promise<void> {
  const database = openExisting(file);
  try {
    await database.backup(target, { progress: () => ALL_PAGES });
  } finally {
    database.close();
  }
  // The copy is read once as a whole before anybody relies on it.
  checkWhole(target);
}

/** Puts a copy in the place of a database that does not exist yet. */
export async function restoreSqlite(file: string, source: string): Promise<void> {
  checkWhole(source);
  createPrivateFolder(dirname(file));
  try {
    // Exclusive, so that no database is overwritten, not even one that is made at this moment.
    await copyFile(source, file, constants.COPYFILE_EXCL);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new AppError(
      'invalid_request',
      `A backup is restored into an empty place, and ${file} exists. Move it away, or set DATABASE_URL to another file.`,
    );
  }
}

/** The database for reading. Rejects a file that does not exist: SQLite would make an empty one. */
function openExisting(file: string): BetterSqlite.Database {
  try {
    return new BetterSqlite(file, { readonly: true, fileMustExist: true });
  } catch (cause) {
    throw new AppError(
      'invalid_request',
      `There is no database ${file}: DATABASE_URL and DATA_DIR say where it is.`,
      {
        cause,
      },
    );
  }
}

/** Throws `internal` when the file is damaged. */
function checkWhole(file: string): void {
  const database = new BetterSqlite(file);
  try {
    // A copy has the journal mode of its source; without a WAL it is one file.
    database.pragma('journal_mode = DELETE');
    const found = database.pragma('integrity_check', { simple: true });
    if (found !== 'ok')
      throw new AppError('internal', `The copy of the database is damaged: ${String(found)}`);
  } finally {
    database.close();
  }
}
