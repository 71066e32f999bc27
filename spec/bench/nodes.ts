import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { openOwnPostgresServer } from '../support/postgres.ts';
import { launch, pinDriver, type Program } from './processes.ts';
import { median, table } from './table.ts';
import { CLIENTS, openLanes, ours, turnLanes, type Target, type Urls } from './turn.ts';

/** Turns that warm up each node, however many clients there are. */
const WARM_UP_TURNS = 800;
const SECRET = 'a secret of the benchmark';

interface Layout {
  name: string;
  nodes: number;
  clients: number;
  isShared: boolean;
}

interface Figures {
  turnsPerSecond: number;
  cpuMsPerTurn: number;
  transactions: number;
  walBytes: number;
}

const LAYOUTS: readonly Layout[] = [
  { name: 'SQLite, one node', nodes: 1, clients: CLIENTS, isShared: false },
  { name: 'PostgreSQL, one node, one client', nodes: 1, clients: 1, isShared: true },
  { name: 'PostgreSQL, one node', nodes: 1, clients: CLIENTS, isShared: true },
  { name: 'PostgreSQL, three nodes', nodes: 3, clients: CLIENTS, isShared: true },
];

/**
 * What a turn costs on one PostgreSQL, with one node and with three, against SQLite in the same run. All nodes share one core, so
 * that turns a second say what the nodes cost each other; on machines with more cores they do not share it.
 */
export async function run(turns = 100, repetitions = 3): Promise<void> {
  pinDriver();
  const folder = mkdtempSync(join(tmpdir(), 'lite-agent-nodes-'));
  const model = await launch(['spec/bench/peers/model.mjs'], {}, 'driver');
  const device = await launch(['spec/bench/peers/device.mjs'], {}, 'driver');
  const urls = { model: `http://127.0.0.1:${model.port}/v1`, device: `http://127.0.0.1:${device.port}` };
  const server = await openOwnPostgresServer();
  const figures = new Map<Layout, Figures[]>(LAYOUTS.map((layout) => [layout, []]));
  try {
    for (let repetition = 0; repetition < repetitions; repetition += 1)
      for (const layout of LAYOUTS) {
        const databaseUrl = layout.isShared ? await server.createDatabase() : undefined;
        figures.get(layout)!.push(await measure(ours(folder), layout, urls, turns, databaseUrl));
      }
  } finally {
    await Promise.all([model.stop(), device.stop()]);
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const medians = [...figures].map(([layout, all]) => ({
    layout,
    of: (key: keyof Figures) => median(all.map((one) => one[key])),
  }));
  const base = medians[0]!.of('cpuMsPerTurn');
  console.log(`One turn, ${turns} turns a client, medians of ${repetitions}; × is the ratio to SQLite:\n`);
  console.log(
    table(
      medians.map(({ layout, of }) => ({
        nodes: layout.name,
        clients: layout.clients,
        'turns/s': of('turnsPerSecond'),
        'CPU ms a turn': of('cpuMsPerTurn'),
        'CPU ×': `${(of('cpuMsPerTurn') / base).toFixed(2)}×`,
        'transactions a turn': layout.isShared ? of('transactions') : '',
        'WAL bytes a turn': layout.isShared ? of('walBytes') : '',
      })),
    ),
  );
}

async function measure(
  target: Target,
  { nodes, clients }: Layout,
  urls: Urls,
  turns: number,
  databaseUrl: string | undefined,
): Promise<Figures> {
  const programs: Program[] = [];
  const shared = databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl, SECRET_KEY: SECRET };
  try {
    while (programs.length < nodes) programs.push(await target.start(shared));
    const warmUp = Math.ceil((WARM_UP_TURNS * nodes) / clients);
    const early = await openLanes(target, programs, urls, warmUp, clients);
    await turnLanes(early, programs, warmUp, clients);
    const lanes = await openLanes(target, programs, urls, turns, clients);
    const before = await written(databaseUrl);
    const { wallMs, cpu } = await turnLanes(lanes, programs, turns, clients);
    const after = await written(databaseUrl);
    await Promise.all([...early, ...lanes].map((lane) => lane.close()));
    const count = clients * turns;
    return {
      turnsPerSecond: (count / wallMs) * 1000,
      cpuMsPerTurn: cpu / count,
      transactions: (after.transactions - before.transactions) / count,
      walBytes: (after.walBytes - before.walBytes) / count,
    };
  } finally {
    await Promise.all(programs.map((program) => program.stop()));
  }
}

/** How many transactions have written to a PostgreSQL so far, and how many bytes its log has. */
async function written(databaseUrl: string | undefined): Promise<{ transactions: number; walBytes: number }> {
  if (databaseUrl === undefined) return { transactions: 0, walBytes: 0 };
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ transactions: string; bytes: string }>(
      "select pg_snapshot_xmax(pg_current_snapshot()) as transactions, pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes",
    );
    return { transactions: Number(rows[0]!.transactions), walBytes: Number(rows[0]!.bytes) };
  } finally {
    await client.end();
  }
}
