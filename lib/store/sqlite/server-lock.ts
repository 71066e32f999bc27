import { readFileSync, writeFileSync } from 'node:fs';
import BetterSqlite from 'better-sqlite3';
import { systemClock } from '../../common/clock.ts';
import { createPrivateFile, PRIVATE_FILE_MODE } from '../../common/private-files.ts';
import { AppError } from '../../errors.ts';
import type { ServerLock } from '../engine.ts';

/**
 * Takes the lock of a database file for one server. Two servers on one file would each take the sessions of the other for
 * those of a dead process.
 *
 * The lock is an exclusive transaction on a second SQLite file, `<file>.lock`. The operating system frees it when the process
 * ends, in whichever way. `<file>.pid` says who holds it. Programs that are no server, such as `lite-agent user`, need no lock.
 */
export function openServerLock(file: string): ServerLock {
  createPrivateFile(`${file}.lock`);
  // No wait: a server that has the lock keeps it for as long as it runs.
  const database = new BetterSqlite(`${file}.lock`, { timeout: 0 });
  try {
    database.exec('begin exclusive');
  } catch (error) {
    database.close();
    throw inUse(file, error);
  }
  const holder = { pid: process.pid, startedAt: new Date(systemClock.now()).toISOString() };
  writeFileSync(`${file}.pid`, JSON.stringify(holder), { mode: PRIVATE_FILE_MODE });
  return {
    close() {
      database.close();
      return Promise.resolve();
    },
  };
}

function inUse(file: string, cause: unknown): AppError {
  return new AppError(
    'invalid_request',
    `The database ${file} is in use by ${holderOf(file)}. Stop that server, or set DATABASE_URL to another file.`,
    { cause },
  );
}

/** The holder of the lock, as a part of a sentence. */
function holderOf(file: string): string {
  try {
    const { pid, startedAt } = JSON.parse(readFileSync(`${file}.pid`, 'utf8')) as Record<string, unknown>;
    return `the server with process id ${String(pid)}, started at ${String(startedAt)}`;
  } catch {
    return 'another server'; // it has the lock and has not written its name yet
  }
}
