import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentMessage } from '../../lib/dialects/liteagent/envelope.ts';
import type { Chaos } from './crash-chaos.ts';
import { approveAll, askingDevice, auditFaults, registerAsking } from './crash-approver.ts';
import { checkSession } from './crash-check.ts';
import type { AcceptedTask } from './crash-check.ts';
import { callAny, openCrashClient } from './crash-client.ts';
import type { CrashClient } from './crash-client.ts';
import { startCrashDevice } from './crash-device.ts';
import { sentenceOf, startCrashModel } from './crash-model.ts';
import { openCluster } from './crash-nodes.ts';
import { randomFrom } from './random-from.ts';

/** The settings of a run. It is over when its chaos has ended and every session has had its tasks. */
export interface CrashRun {
  databaseUrl: string;
  dataDir: string;
  nodes: number;
  sessions: number;
  /** How many tasks each session gets at least, one after the other. */
  tasksPerSession: number;
  /** What happens to the nodes. One that has no end of its own is ended when every session has had its tasks. */
  chaos: Chaos;
  isEndless?: boolean;
  /** How many rounds of calls a task has at most. */
  roundsMax?: number;
  /** Of a hundred tasks, how many are stopped while they run. */
  stopsPercent?: number;
  journal?: boolean;
  /** Whether each write is one of a registered device, and waits for an approval. */
  approvals?: boolean;
  leaseMs?: number;
  /** The longest latency of the model and the device. */
  latencyMs?: number;
  seed?: number;
}

/** What happened in a run. */
export interface CrashReport {
  tasks: number;
  seconds: number;
  kills: number;
  stalls: number;
  /** How often every connection to the database was cut. */
  cuts: number;
  /** How many nodes were replaced gracefully. */
  replaced: number;
  /** How often nodes died or stalled at each named point. */
  points: Record<string, number>;
  reconnects: number;
  envelopes: number;
  writes: number;
  /** Writes that the device got more than once. */
  repeated: string[];
  /** How many results report an unknown outcome. */
  unknown: number;
  faults: string[];
}

/** Sends tasks through nodes that crash meanwhile, and checks at the end what must hold. */
export async function runCrashes(run: CrashRun): Promise<CrashReport> {
  const { latencyMs = 30, leaseMs = 2000, journal = true, stopsPercent = 0 } = run;
  const { tasksPerSession, isEndless = false, approvals = false, roundsMax = 3 } = run;
  const random = randomFrom(run.seed ?? Date.now());
  const began = performance.now();
  const model = await startCrashModel(() => random() * latencyMs);
  const device = await startCrashDevice(() => random() * latencyMs);
  const settings = {
    DATABASE_URL: run.databaseUrl,
    DATA_DIR: run.dataDir,
    PORT: '0',
    SECRET_KEY: 'a secret of the crash harness',
    LOG_LEVEL: 'silent',
    SHUTDOWN_TIMEOUT_MS: '5000',
  };
  const cluster = await openCluster({ count: run.nodes, settings, leaseMs, journal, stallMs: leaseMs * 1.5 });
  const over = new AbortController();
  const clients: CrashClient[] = [];
  const urls = (): readonly string[] => cluster.urls;
  try {
    if (approvals) await registerAsking(cluster.urls[0]!, device.document);
    const body = JSON.stringify({
      systemPrompt: 'A device is being tested.',
      ...(approvals
        ? { devices: [askingDevice] }
        : { openSpecList: [{ openSpec: JSON.stringify(device.document) }] }),
      llmConfig: { baseUrl: model.baseUrl, apiKey: 'none', model: 'crash' },
    });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    const sessions = await Promise.all(
      Array.from({ length: run.sessions }, async () => {
        const { id } = (await callAny(urls, random, '/api/init', init)) as { id: string };
        const own = [undefined, 0].map((since) =>
          openCrashClient({ sessionId: id, urls, random, ...(since !== undefined && { since }) }),
        );
        clients.push(...own);
        return { id, clients: own, tasks: [] as AcceptedTask[] };
      }),
    );
    let isStriking = !isEndless;
    const strikes = run.chaos(cluster, random, over.signal).finally(() => {
      isStriking = false;
    });
    strikes.catch(() => undefined); // it is awaited when every session has had its tasks
    const chaos = [strikes, dropAtRandom(clients, random, over.signal)];
    const approving = approvals ? approveAll(urls, random, over.signal) : Promise.resolve([]);
    approving.catch(() => undefined); // it is awaited when every session has had its tasks
    await Promise.all(
      sessions.map(async (session) => {
        while (session.tasks.length < tasksPerSession || isStriking) {
          const task: AcceptedTask = { taskId: randomUUID(), rounds: 1 + Math.floor(random() * roundsMax) };
          session.tasks.push(task);
          const stop = random() * 100 < stopsPercent ? stopOnce(session, task, urls, random) : undefined;
          const work = session.clients[0]!.work(task.taskId, sentenceOf(task.taskId, task.rounds, 2));
          await Promise.all([work, stop]);
        }
      }),
    );
    over.abort();
    await Promise.all(chaos);
    await cluster.settled();
    const faults = [...cluster.faults, ...model.faults, ...(await approving)];
    if (approvals) faults.push(...(await auditFaults(run.databaseUrl, run.dataDir, device.writes.size)));
    let unknown = 0;
    let envelopes = 0;
    for (const session of sessions) {
      const read = `/api/history?id=${session.id}`;
      const history = (await callAny(urls, random, read)) as AgentMessage[];
      const last = history.at(-1)!.seq;
      await Promise.all(session.clients.map((client) => seesAll(client, last)));
      const checked = checkSession({ ...session, history }, device, cluster.crashes);
      faults.push(...checked.faults);
      unknown += checked.unknown;
      envelopes += history.length;
    }
    const repeated = [...device.writes].filter(([, times]) => times.length > 1).map(([id]) => id);
    return {
      tasks: sessions.reduce((sum, { tasks }) => sum + tasks.length, 0),
      seconds: Math.round((performance.now() - began) / 100) / 10,
      kills: cluster.crashes.filter(({ how }) => how.startsWith('killed')).length,
      stalls: cluster.crashes.filter(({ how }) => how.startsWith('stalled')).length,
      cuts: cluster.crashes.filter(({ how }) => how === 'connections cut').length,
      replaced: cluster.replaced,
      points: Object.fromEntries(cluster.points),
      reconnects: clients.reduce((sum, { connections }) => sum + connections - 1, 0),
      envelopes,
      writes: device.writes.size,
      repeated,
      unknown,
      faults,
    };
  } finally {
    over.abort();
    for (const client of clients) client.close();
    await cluster.close();
    await Promise.all([model.close(), device.close()]);
  }
}

/** Stops a task once it has begun, from any node. */
async function stopOnce(
  { id, clients }: { id: string; clients: CrashClient[] },
  task: AcceptedTask,
  urls: () => readonly string[],
  random: () => number,
): Promise<void> {
  await clients[0]!.until(({ taskId }) => taskId === task.taskId);
  await callAny(urls, random, `/api/stop?id=${id}&taskId=${task.taskId}`);
  task.stoppedAt = Date.now();
}

/** Waits some seconds for a client that has not seen every line. The check reports what it lacks after that. */
async function seesAll(client: CrashClient, last: number): Promise<void> {
  const timeout = new AbortController();
  await Promise.race([
    client.until(({ seq }) => seq >= last),
    delay(10_000, undefined, { signal: timeout.signal }).catch(() => undefined),
  ]);
  timeout.abort();
}

async function dropAtRandom(
  clients: readonly CrashClient[],
  random: () => number,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    await delay(20 + random() * 150, undefined, { signal: over }).catch(() => undefined);
    clients[Math.floor(random() * clients.length)]?.drop();
  }
}
