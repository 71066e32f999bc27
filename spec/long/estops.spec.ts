import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { AgentMessage } from '../../lib/dialects/liteagent/envelope.ts';
import { callAny, openCrashClient } from '../support/crash-client.ts';
import { startCrashDevice } from '../support/crash-device.ts';
import { sentenceOf, startCrashModel } from '../support/crash-model.ts';
import { openCluster } from '../support/crash-nodes.ts';
import { runEstops } from '../support/estop-rounds.ts';
import { openPostgresServer } from '../support/postgres.ts';
import { waitFor } from '../support/wait-for.ts';

const ROUNDS = 50;
/** How many tasks write on each of three nodes when a stop comes. */
const TASKS = 8;
const LEASE_MS = 2000;
/** Where a node stands still, and the code of the write in the log of the node that takes the task over. */
const STANDING = [
  ['before journal', 'estop'],
  ['after journal', 'outcome_unknown'],
] as const;

describe('an emergency stop under load, again and again', function () {
  this.timeout(1_200_000);

  it(`lets no write leave any of three nodes after its answer, in ${ROUNDS} rounds`, async () => {
    const { answerMs, lastByteMs, ...report } = await runEstops(ROUNDS, TASKS);
    expect(report).to.deep.equal({
      late: 0,
      repeated: 0,
      ends: { estop: ROUNDS * TASKS * 3 },
      refusals: { estop: ROUNDS * 3 },
      safeStates: ROUNDS,
    });
    expect([answerMs.length, lastByteMs.length]).to.deep.equal([ROUNDS, ROUNDS]);
  });

  for (const [point, code] of STANDING)
    it(`lets no write leave a node that stood still (SIGSTOP) ${point} until the stop was answered`, async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'lite-agent-estop-'));
      const server = await openPostgresServer();
      const [model, device] = [await startCrashModel(() => 5), await startCrashDevice(() => 5)];
      const settings = {
        DATABASE_URL: await server.createDatabase(),
        DATA_DIR: dataDir,
        PORT: '0',
        SECRET_KEY: 'a secret of the emergency stop',
        LOG_LEVEL: 'silent',
      };
      const stallMs = 3 * LEASE_MS;
      const cluster = await openCluster({ count: 2, settings, leaseMs: LEASE_MS, journal: true, stallMs });
      const urls = (): readonly string[] => cluster.urls;
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({
        openSpecList: [{ openSpec: JSON.stringify(device.document) }],
        llmConfig: { baseUrl: model.baseUrl, apiKey: 'none', model: 'crash' },
      });
      const init = { method: 'POST', headers, body };
      const { id } = (await callAny(urls, Math.random, '/api/init', init)) as { id: string };
      const client = openCrashClient({ sessionId: id, urls, random: Math.random, since: 0 });
      try {
        await cluster.arm(point, 'SIGSTOP');
        const taskId = randomUUID();
        const work = client.work(taskId, sentenceOf(taskId, 1, 1));
        await waitFor(() => cluster.points.get(point) === 1, 20_000);
        const engage = { method: 'POST', headers, body: '{"scope":"all","reason":"a trial"}' };
        const answer = await Promise.any(cluster.urls.map((url) => fetch(`${url}/api/estop`, engage)));
        expect([answer.status, device.writes.size]).to.deep.equal([200, 0]);
        expect(cluster.crashes.map(({ to }) => to)).to.deep.equal([Infinity]); // it stands still yet
        await cluster.settled();
        await work;
        const read = `/api/history?id=${id}`;
        const history = (await callAny(urls, Math.random, read)) as AgentMessage[];
        const write = history.find(({ type, from }) => type === 'toolReturn' && from === 'tool')!;
        const { result } = write.message as { result: { error?: { code: string } } };
        expect([result.error?.code, device.writes.size]).to.deep.equal([code, 0]);
      } finally {
        client.close();
        await cluster.close();
        await Promise.all([model.close(), device.close()]);
        await server.close();
        await rm(dataDir, { recursive: true });
      }
    });
});
