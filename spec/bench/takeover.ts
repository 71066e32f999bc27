import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { openCluster } from '../support/crash-nodes.ts';
import { openOwnPostgresServer } from '../support/postgres.ts';
import { startCrashModel } from '../support/crash-model.ts';
import { waitFor } from '../support/wait-for.ts';
import { openWorld, say } from '../support/world.ts';
import { table } from './table.ts';

const SECRET = 'a secret of the benchmark';
const LEASE_MS = 2000;
const AT_ONCE = 50;

/**
 * How long the sessions of a dead node wait for another one: each has a task under way, and the node does not renew its lease
 * any more. The times count from the end of its lease.
 */
export async function run(sessions = 2000): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lite-agent-takeover-'));
  const server = await openOwnPostgresServer();
  const databaseUrl = await server.createDatabase();
  const model = await startCrashModel(() => 1000);
  const dead = await openWorld({
    databaseUrl,
    secret: SECRET,
    leaseMs: LEASE_MS,
    limits: { sessionsPerOwnerMaxCount: sessions, taskTimeoutMs: 600_000 },
    model: { reply: () => new Promise<never>(() => undefined) },
  });
  const client = new pg.Client({ connectionString: databaseUrl });
  const settings = {
    DATABASE_URL: databaseUrl,
    DATA_DIR: folder,
    PORT: '0',
    LOG_LEVEL: 'error',
    SECRET_KEY: SECRET,
  };
  const cluster = await openCluster({ count: 1, settings, leaseMs: LEASE_MS, journal: true, stallMs: 0 });
  try {
    await client.connect();
    const config = { model: { baseUrl: model.baseUrl, apiKey: 'none', model: 'crash' } };
    for (let from = 0; from < sessions; from += AT_ONCE)
      await Promise.all(
        Array.from({ length: Math.min(AT_ONCE, sessions - from) }, async () => {
          const session = await dead.create(config);
          await session.submit(say('Hello.'));
        }),
      );
    const { renew } = dead.store;
    let renewedAt = 0;
    await new Promise<void>((resolve) => {
      dead.store.renew = async (epochs) => {
        if (renewedAt > 0) return new Set(epochs.keys()); // it has died: it renews nothing, and hears nothing
        const kept = await renew(epochs);
        renewedAt = Date.now();
        resolve();
        return kept;
      };
    });
    const { rows: dying } = await client.query<{ node: string }>('select node from sessions limit 1');
    const since = (): number => renewedAt;
    const [taken, done] = await Promise.all([
      waitsUntil(client, sessions, `select count(*) from sessions where node <> '${dying[0]!.node}'`, since),
      waitsUntil(client, sessions, "select count(*) from tasks where status <> 'open'", since),
    ]);
    const rows = [50, 99, 100].map((share) => ({
      percentile: share,
      'taken over, ms after the lease': taken[Math.ceil((share / 100) * sessions) - 1]! - LEASE_MS,
      'task done, ms after the lease': done[Math.ceil((share / 100) * sessions) - 1]! - LEASE_MS,
    }));
    console.log(`${sessions} busy sessions of a dead node, taken over by one other node:\n\n${table(rows)}`);
  } finally {
    await client.end();
    await cluster.close();
    await dead.close().catch(() => undefined); // it lost its sessions
    await model.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** For each session the ms from `since` until the query counts it, in order. */
async function waitsUntil(
  client: pg.Client,
  sessions: number,
  counting: string,
  since: () => number,
): Promise<number[]> {
  const waits: number[] = [];
  await waitFor(async () => {
    const { rows } = await client.query<{ count: string }>(counting);
    const now = Date.now() - since();
    while (waits.length < Number(rows[0]!.count)) waits.push(now);
    return waits.length === sessions;
  }, 60_000);
  return waits;
}
