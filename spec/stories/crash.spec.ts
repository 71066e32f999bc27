import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { chaosOf } from '../support/crash-chaos.ts';
import { runCrashes } from '../support/crash-run.ts';
import type { CrashReport } from '../support/crash-run.ts';
import { openPostgresServer } from '../support/postgres.ts';

describe('nodes that die in the middle of everything', function () {
  this.timeout(60_000);
  let dataDir: string;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'lite-agent-crash-'));
  });
  after(() => rm(dataDir, { recursive: true }));

  const sqlite = () => ({ databaseUrl: `sqlite:${join(dataDir, `${randomUUID()}.db`)}`, dataDir, nodes: 1 });
  const afterSend = () => chaosOf({ nodes: 1, pauseMs: 500, points: ['after send'] });

  function expectNothingLost(report: CrashReport): void {
    const { faults, repeated } = report;
    expect({ faults, repeated }).to.deep.equal({ faults: [], repeated: [] });
    expect(report.kills + report.stalls).to.be.above(0); // how many is a matter of chance
    expect(report.reconnects).to.be.above(0);
  }

  it('lose nothing and repeat no write: one process on SQLite', async () => {
    const chaos = chaosOf({ nodes: 1, pauseMs: 900 });
    const load = { sessions: 6, seconds: 3, stopsPercent: 10 };
    expectNothingLost(await runCrashes({ ...sqlite(), ...load, chaos }));
  });

  it('lose nothing and repeat no write: three nodes that stall too, on a PostgreSQL that breaks its connections', async () => {
    const server = await openPostgresServer();
    try {
      const databaseUrl = await server.createDatabase();
      const chaos = chaosOf({ nodes: 3, pauseMs: 500, stallsPercent: 30, cut: () => server.cut() });
      const load = { sessions: 8, seconds: 4, stopsPercent: 10 };
      expectNothingLost(await runCrashes({ databaseUrl, dataDir, nodes: 3, ...load, chaos }));
    } finally {
      await server.close();
    }
  });

  it('repeat writes without the journal, and with it say that nobody knows', async function () {
    this.retries(2); // whether a node dies in the one millisecond that matters is a matter of chance
    const load = { sessions: 2, seconds: 1.5 };
    const without = await runCrashes({ ...sqlite(), ...load, chaos: afterSend(), journal: false });
    expect(without.repeated).to.not.deep.equal([]);
    const report = await runCrashes({ ...sqlite(), ...load, chaos: afterSend() });
    expect(report.unknown).to.be.above(0);
    expect({ faults: report.faults, repeated: report.repeated }).to.deep.equal({ faults: [], repeated: [] });
  });
});
