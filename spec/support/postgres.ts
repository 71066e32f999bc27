import pg from 'pg';
import { startPostgresServer, type PostgresServer } from './postgres-server.ts';

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

/** Databases on the one server of this run, which starts at the first use and ends after the last spec (hooks.ts). */
export async function openPostgresServer(): Promise<Postgres> {
  shared ??= startPostgresServer();
  const server = await shared;
  return { ...databasesOf(server), close: () => Promise.resolve() };
}

/** Databases on a server of their own, which ends with `close`; for specs that stop it, and programs that are no specs. */
export async function openOwnPostgresServer(): Promise<Postgres> {
  const server = await startPostgresServer();
  return { ...databasesOf(server), close: () => server.stop() };
}

/** Ends the server of this run, if any spec has used it. */
export async function stopSharedPostgresServer(): Promise<void> {
  const server = await shared;
  shared = undefined;
  await server?.stop();
}

function databasesOf(server: PostgresServer): Omit<Postgres, 'close'> {
  const names: string[] = [];
  return {
    async createDatabase() {
      count += 1;
      const name = `spec_${count}`;
      await query(server, `create database ${name}`);
      names.push(name);
      return server.urlOf(name);
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
  const client = new pg.Client({ connectionString: server.urlOf('postgres') });
  await client.connect();
  try {
    await client.query(text, values);
  } finally {
    await client.end();
  }
}
