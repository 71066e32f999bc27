import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strikeAtRandom } from '../support/crash-chaos.ts';
import { runCrashes } from '../support/crash-run.ts';
import type { CrashReport, CrashRun } from '../support/crash-run.ts';
import { openOwnPostgresServer } from '../support/postgres.ts';
import { table } from './table.ts';

/** Tasks through nodes that are killed and stalled all the time: on PostgreSQL, with approvals, on SQLite, and without the journal. */
export async function run(tasks = 1000): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lite-agent-crashes-'));
  const server = await openOwnPostgresServer();
  const load = (count: number) => ({
    sessions: 20,
    latencyMs: 250,
    tasksPerSession: Math.ceil(count / 20),
    stopsPercent: 5,
    isEndless: true,
  });
  const sqlite = (name: string) => ({
    databaseUrl: `sqlite:${join(folder, `${name}.db`)}`,
    dataDir: folder,
    nodes: 1,
    chaos: strikeAtRandom({ nodes: 1, pauseMs: 5000 }), // longer than a start takes on a busy machine
  });
  const runs: [string, CrashRun][] = [
    [
      'PostgreSQL, three nodes',
      {
        databaseUrl: await server.createDatabase(),
        dataDir: folder,
        nodes: 3,
        chaos: strikeAtRandom({ nodes: 3, pauseMs: 2000, stallsPercent: 30, cut: () => server.cut() }),
        ...load(tasks),
      },
    ],
    [
      'PostgreSQL, three nodes, each write approved by a person',
      {
        databaseUrl: await server.createDatabase(),
        dataDir: folder,
        nodes: 3,
        chaos: strikeAtRandom({ nodes: 3, pauseMs: 6000, stallsPercent: 30 }),
        approvals: true,
        ...load(tasks),
        latencyMs: 30,
      },
    ],
    ['SQLite, one process', { ...sqlite('with'), ...load(tasks) }],
    ['SQLite without the journal', { ...sqlite('without'), ...load(tasks / 5), journal: false }],
  ];
  try {
    for (const [name, wanted] of runs) {
      const report = await runCrashes(wanted);
      print(name, report);
      if (wanted.journal !== false && report.faults.length + report.repeated.length > 0) process.exitCode = 1;
    }
  } finally {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function print(name: string, report: CrashReport): void {
  const { faults, points, repeated } = report;
  const figures = {
    tasks: report.tasks,
    seconds: report.seconds,
    kills: report.kills,
    stalls: report.stalls,
    'connections cut': report.cuts,
    reconnects: report.reconnects,
    envelopes: report.envelopes,
    writes: report.writes,
    'writes repeated': repeated.length,
    'outcome unknown': report.unknown,
    faults: faults.length,
  };
  const texts = Object.entries(figures).map(([key, value]) => [key, String(value)]);
  console.log(`${name}:\n\n${table([Object.fromEntries(texts) as Record<string, string>])}\n`);
  console.log(`Crashes at the named points: ${JSON.stringify(points)}\n`);
  for (const fault of faults) console.log(`FAULT ${fault}`);
}
