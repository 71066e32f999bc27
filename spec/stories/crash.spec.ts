import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { crashAt, killsAt } from '../support/crash-chaos.ts';
import { runCrashes } from '../support/crash-run.ts';

describe('a node that is killed in the middle of its work', function () {
  this.timeout(240_000); // each kill waits for a node to start again
  let dataDir: string;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'lite-agent-crash-'));
  });
  after(() => rm(dataDir, { recursive: true }));

  const sqlite = () => ({ databaseUrl: `sqlite:${join(dataDir, `${randomUUID()}.db`)}`, dataDir, nodes: 1 });

  it('repeats a write without the journal, and reports an unknown outcome with it', async () => {
    const chaos = crashAt(killsAt(['after send', 'after send']));
    const load = { sessions: 2, tasksPerSession: 2 };
    const without = await runCrashes({ ...sqlite(), ...load, chaos, journal: false });
    expect(without.repeated).to.not.deep.equal([]);
    const { faults, repeated, unknown } = await runCrashes({ ...sqlite(), ...load, chaos });
    expect({ faults, repeated }).to.deep.equal({ faults: [], repeated: [] });
    expect(unknown).to.be.at.least(1);
  });

  it('uses no approval twice, loses nothing and repeats nothing, when every write waits for an approval', async () => {
    const load = { sessions: 3, tasksPerSession: 2, stopsPercent: 10, approvals: true };
    const { faults, repeated, kills } = await runCrashes({
      ...sqlite(),
      ...load,
      chaos: crashAt(killsAt(['after decision', 'before journal', 'after journal', 'after send'])),
    });
    expect({ faults, repeated, kills }).to.deep.equal({ faults: [], repeated: [], kills: 4 });
  });
});
