import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { PRIVATE_FILE_MODE } from '../../common/private-files.ts';
import { AppError } from '../../errors.ts';

/** Writes a whole copy of a database in use, as of one moment, with PostgreSQL's own `pg_dump`. */
export function copyPostgres(url: string, target: string): Promise<void> {
  return runTool('pg_dump', url, target, (dbname) => [
    '--format=custom',
    '--no-owner',
    '--no-acl',
    `--file=${target}`,
    `--dbname=${dbname}`,
  ]);
}

/** Puts a copy into an empty database, with PostgreSQL's own `pg_restore`: all of it, or nothing. */
export async function restorePostgres(url: string, source: string): Promise<void> {
  await checkEmpty(url);
  await runTool('pg_restore', url, source, (dbname) => [
    '--single-transaction',
    '--exit-on-error',
    // The roles of the database that was copied need not exist in this one.
    '--no-owner',
    '--no-acl',
    `--dbname=${dbname}`,
    source,
  ]);
}

/**
 * Resolves when the database has no table. Rejects with `invalid_request` when it has one, and with `unavailable` when it is not
 * reached.
 */
async function checkEmpty(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    const { rowCount } = await client.query(
      `select 1 from information_schema.tables where table_schema = current_schema() limit 1`,
    );
    if (!rowCount) return;
  } catch (cause) {
    throw new AppError('unavailable', 'The database of DATABASE_URL does not answer.', { cause });
  } finally {
    await client.end().catch(() => undefined);
  }
  throw new AppError(
    'invalid_request',
    'A backup is restored into an empty place, and the database of DATABASE_URL has tables. Make a new database with `createdb`, and set DATABASE_URL to it.',
  );
}

/** Runs a tool on a database. The password is in a file for it, because everybody on the machine can read its arguments. */
async function runTool(
  tool: string,
  url: string,
  place: string,
  argumentsFor: (dbname: string) => string[],
): Promise<void> {
  const target = new URL(url);
  const password = decodeURIComponent(target.password);
  const passfile = `${place}.pass`;
  target.password = '';
  if (password !== '') target.searchParams.set('passfile', passfile);
  try {
    // Every host, port, database and user; a backslash and a colon are escaped [PostgreSQL libpq-pgpass].
    await writeFile(passfile, `*:*:*:*:${password.replaceAll(/[\\:]/g, '\\$&')}\n`, {
      mode: PRIVATE_FILE_MODE,
    });
    const child = spawn(tool, argumentsFor(target.href), { stdio: ['ignore', 'ignore', 'pipe'] });
    // Read from the start: a tool that writes more than the pipe holds would wait for a reader.
    const told = text(child.stderr);
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new AppError('unavailable', `${tool} failed: ${(await told).trim()}`);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new AppError(
      'unavailable',
      `${tool} is missing. Install the client programs of PostgreSQL, in the version of the server.`,
      { cause },
    );
  } finally {
    await rm(passfile, { force: true });
  }
}
