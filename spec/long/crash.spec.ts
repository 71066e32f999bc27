import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  crashAt,
  killsAt,
  rollingRestart,
  strikeAtRandom,
  type PlannedCrash,
} from '../support/crash-chaos.ts';
import { crashPoints } from '../support/crash-points.ts';
import { runCrashes } from '../support/crash-run.ts';
import { openPostgresServer, type Postgres } from '../support/postgres.ts';

describe('nodes that crash all the time', function () {
  this.timeout(600_000);
  let dataDir: string;
  let server: Postgres;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'lite-agent-crashes-'));
    server = await openPostgresServer();
  });
  after(async () => {
    await server.close();
    await rm(dataDir, { recursive: true });
  });

  it('lose nothing and repeat no write: one process on SQLite, killed at every point of its work', async () => {
    const chaos = crashAt(killsAt(crashPoints));
    const load = { sessions: 6, tasksPerSession: 3, stopsPercent: 10 };
    const { faults, repeated, points, kills, reconnects } = await runCrashes({
      databaseUrl: `sqlite:${join(dataDir, 'points.db')}`,
      dataDir,
      nodes: 1,
      ...load,
      chaos,
    });
    expect({ faults, repeated, points, kills }).to.deep.equal({
      faults: [],
      repeated: [],
      points: Object.fromEntries(crashPoints.map((point) => [point, 1])),
      kills: crashPoints.length,
    });
    expect(reconnects).to.be.at.least(kills);
  });

  it('lose nothing and repeat no write: one process on SQLite with 250 busy sessions, killed and started again', async () => {
    const { tasks, faults, repeated, kills } = await runCrashes({
      databaseUrl: `sqlite:${join(dataDir, 'busy.db')}`,
      dataDir,
      nodes: 1,
      sessions: 250,
      tasksPerSession: 2,
      chaos: crashAt(killsAt(['before result', 'after send'])),
    });
    expect({ tasks, faults, repeated, kills }).to.deep.equal({
      tasks: 500,
      faults: [],
      repeated: [],
      kills: 2,
    });
  });

  it('lose nothing and repeat no write: three nodes on PostgreSQL, killed and stalled at every point', async () => {
    const stalls: PlannedCrash[] = crashPoints.map((point) => ({ point, signal: 'SIGSTOP' }));
    const {
      faults,
      repeated,
      kills,
      stalls: stalled,
    } = await runCrashes({
      databaseUrl: await server.createDatabase(),
      dataDir,
      nodes: 3,
      sessions: 8,
      tasksPerSession: 4,
      stopsPercent: 10,
      chaos: crashAt([...killsAt(crashPoints), ...stalls]),
    });
    expect({ faults, repeated, kills, stalled }).to.deep.equal({
      faults: [],
      repeated: [],
      kills: crashPoints.length,
      stalled: crashPoints.length,
    });
  });

  it('lose nothing and repeat no write: three nodes on a PostgreSQL that cuts its connections', async () => {
    const { faults, repeated } = await runCrashes({
      databaseUrl: await server.createDatabase(),
      dataDir,
      nodes: 3,
      sessions: 10,
      tasksPerSession: 8,
      stopsPercent: 10,
      chaos: strikeAtRandom({ nodes: 3, pauseMs: 1500, stallsPercent: 30, cut: () => server.cut() }),
      isEndless: true,
    });
    expect({ faults, repeated }).to.deep.equal({ faults: [], repeated: [] });
  });

  it('lose nothing and repeat no write: one process on SQLite that is killed anywhere', async () => {
    const { faults, repeated } = await runCrashes({
      databaseUrl: `sqlite:${join(dataDir, 'random.db')}`,
      dataDir,
      nodes: 1,
      sessions: 10,
      tasksPerSession: 30,
      stopsPercent: 10,
      chaos: strikeAtRandom({ nodes: 1, pauseMs: 3000 }),
      isEndless: true,
    });
    expect({ faults, repeated }).to.deep.equal({ faults: [], repeated: [] });
  });

  it('fail no task and leave no outcome unknown: three nodes replaced one by one under load', async () => {
    const report = await runCrashes({
      databaseUrl: await server.createDatabase(),
      dataDir,
      nodes: 3,
      sessions: 6,
      tasksPerSession: 4,
      chaos: rollingRestart(3),
    });
    const { faults, repeated, unknown, kills, replaced } = report;
    expect({ faults, repeated, unknown, kills, replaced }).to.deep.equal({
      faults: [],
      repeated: [],
      unknown: 0,
      kills: 0,
      replaced: 3,
    });
    expect(report.tasks).to.be.at.least(6 * 4);
  });

  it('use no approval twice, lose nothing and repeat nothing: 1,000 tasks on three nodes, whose writes wait for approvals', async () => {
    const kills = [...killsAt(crashPoints), ...killsAt(crashPoints)];
    const stalls: PlannedCrash[] = [
      { point: 'after journal', signal: 'SIGSTOP' },
      { point: 'before send', signal: 'SIGSTOP' },
    ];
    const report = await runCrashes({
      databaseUrl: await server.createDatabase(),
      dataDir,
      nodes: 3,
      sessions: 16,
      tasksPerSession: 63,
      roundsMax: 1,
      stopsPercent: 10,
      approvals: true,
      chaos: crashAt([...kills, ...stalls]),
    });
    const { faults, repeated } = report;
    expect({ faults, repeated, kills: report.kills, stalls: report.stalls }).to.deep.equal({
      faults: [],
      repeated: [],
      kills: kills.length,
      stalls: stalls.length,
    });
    expect(report.tasks).to.be.at.least(1000);
  });
});
