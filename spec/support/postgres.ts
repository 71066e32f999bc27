import pg from 'pg';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgresServer, stopPostgresServer, urlOf, type PostgresServer } from './postgres-server.ts';
import { waitFor } from './wait-for.ts';

/** Databases on a real PostgreSQL. */
export interface Postgres {
  /** A fresh, empty database. */
  createDatabase(): Promise<string>;
  /** Breaks every connection to these databases, as a failover does. */
  cut(): Promise<void>;
  close(): Promise<void>;
}

let shared: Promise<PostgresServer> | undefined;
let count = 0;
const START_TIMEOUT_MS = 120_000;

/** Databases on the one server of this run, which starts at the first use and ends after the last spec (hooks.ts). */
export async function openPostgresServer(): Promise<Postgres> {
  shared ??= openSharedServer();
  const server = await shared;
  return { ...databasesOf(server), close: () => Promise.resolve() };
}

/** Databases on a server of their own, which ends with `close`; for specs that stop it, and programs that are no specs. */
export async function openOwnPostgresServer(): Promise<Postgres> {
  const server = await startPostgresServer();
  return { ...databasesOf(server), close: () => stopPostgresServer(server) };
}

/** Removes what an earlier run with the same process id has left, which was killed: its server is not that of this run. */
export function forgetSharedPostgresServer(): void {
  rmSync(folderOf(process.pid), { recursive: true, force: true });
}

/** Ends the server of this run, if any spec has used it. Called by the process that starts the workers of the run. */
export async function stopSharedPostgresServer(): Promise<void> {
  const server = sharedServer(process.pid);
  rmSync(folderOf(process.pid), { recursive: true, force: true });
  if (server) await stopPostgresServer(server);
}

/** The folder in which the workers of one run find their server. */
function folderOf(run: number): string {
  return join(tmpdir(), `lite-agent-run-${run}`);
}

function sharedServer(run: number): PostgresServer | undefined {
  try {
    return JSON.parse(readFileSync(join(folderOf(run), 'server.json'), 'utf8')) as PostgresServer;
  } catch {
    return undefined; // no worker has started one yet
  }
}

/** The first worker that makes the folder starts the server; the others wait for it. */
async function openSharedServer(): Promise<PostgresServer> {
  const run = process.env['MOCHA_WORKER_ID'] === undefined ? process.pid : process.ppid;
  const folder = folderOf(run);
  if (!isMade(folder)) {
    await waitFor(() => sharedServer(run) !== undefined, START_TIMEOUT_MS);
    return sharedServer(run)!;
  }
  const server = await startPostgresServer();
  writeFileSync(join(folder, 'draft.json'), JSON.stringify(server));
  renameSync(join(folder, 'draft.json'), join(folder, 'server.json'));
  return server;
}

/** Makes a folder; false when it is there already. */
function isMade(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

function databasesOf(server: PostgresServer): Omit<Postgres, 'close'> {
  const names: string[] = [];
  return {
    async createDatabase() {
      count += 1;
      const name = `spec_${process.pid}_${count}`;
      await query(server, `create database ${name}`);
      names.push(name);
      return urlOf(server, name);
    },
    async cut() {
      await query(
        server,
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = any($1)',
        names,
      );
    },
  };
}

async function query(server: PostgresServer, text: string, ...values: unknown[]): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(server, 'postgres') });
  await client.connect();
  try {
    await client.query(text, values);
  } finally {
    await client.end();
  }
}
