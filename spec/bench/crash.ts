import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chaosOf } from '../support/crash-chaos.ts';
import { runCrashes } from '../support/crash-run.ts';
import type { CrashReport } from '../support/crash-run.ts';
import { openPostgresServer } from '../support/postgres.ts';
import { table } from './table.ts';

/** Tasks through nodes that are killed and stalled all the time: on SQLite, on PostgreSQL, and without the journal. */
export async function run(tasks = 1000): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lite-agent-crashes-'));
  const server = await openPostgresServer();
  const reports: [string, CrashReport][] = [];
  try {
    const sqlite = (name: string) => ({
      databaseUrl: `sqlite:${join(folder, `${name}.db`)}`,
      dataDir: folder,
      nodes: 1,
      chaos: chaosOf({ nodes: 1, pauseMs: 1500 }),
    });
    const load = (count: number) => ({
      sessions: 10,
      latencyMs: 250,
      tasksPerSession: Math.ceil(count / 10),
      stopsPercent: 5,
    });
    reports.push([
      'PostgreSQL, three nodes',
      await runCrashes({
        databaseUrl: await server.createDatabase(),
        dataDir: folder,
        nodes: 3,
        chaos: chaosOf({ nodes: 3, pauseMs: 1200, stallsPercent: 30, cut: () => server.cut() }),
        ...load(tasks),
      }),
    ]);
    reports.push(['SQLite, one process', await runCrashes({ ...sqlite('with'), ...load(tasks) })]);
    reports.push([
      'SQLite without the journal',
      await runCrashes({ ...sqlite('without'), ...load(tasks / 5), journal: false }),
    ]);
  } finally {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(
    table(
      reports.map(([store, report]) => ({
        store,
        tasks: report.tasks,
        seconds: report.seconds,
        kills: report.kills,
        stalls: report.stalls,
        'connections cut': report.cuts,
        reconnects: report.reconnects,
        envelopes: report.envelopes,
        writes: report.writes,
        'writes repeated': report.repeated.length,
        'outcome unknown': report.unknown,
        faults: report.faults.length,
      })),
    ),
  );
  for (const [store, { points, faults }] of reports) {
    console.log(`\n${store}, crashes at the named points: ${JSON.stringify(points)}`);
    for (const fault of faults) console.log(`FAULT ${fault}`);
  }
  const kept = reports.filter(([store]) => !store.endsWith('without the journal'));
  if (kept.some(([, { faults, repeated }]) => faults.length + repeated.length > 0)) process.exitCode = 1;
}
