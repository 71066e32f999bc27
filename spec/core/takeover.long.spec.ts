import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Model } from '../../lib/core/model.ts';
import type { Store } from '../../lib/core/store.ts';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { openPostgresServer } from '../support/postgres.ts';
import type { Postgres } from '../support/postgres.ts';
import { waitFor } from '../support/wait-for.ts';
import { openWorld, say, somebody, watch } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** A model that never replies; it counts the tasks that asked it. */
function createHangingModel(): Model & { asked: number } {
  const model = {
    asked: 0,
    reply: (_request: unknown, { signal }: { signal: AbortSignal }) => {
      model.asked += 1;
      return new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    },
  };
  return model;
}

/** Starts one task in each of so many new sessions. */
async function startTasks(world: World, count: number): Promise<string[]> {
  const sessions = await Promise.all(Array.from({ length: count }, () => world.create()));
  await Promise.all(sessions.map((session) => session.submit(say('think'))));
  return sessions.map(({ id }) => id);
}

const limits = { sessionsPerOwnerMaxCount: 1000 };

/** A process that is said to be dead and lives on: it would take its sessions back. */
function withoutClaims(store: Store): void {
  store.claimOrphans = () => Promise.resolve([]);
}

/** Hundreds of sessions take this long where both cores are busy with other work. */
const BUSY_MS = 60_000;

describe('the work of a dead process', function () {
  this.timeout(180_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-takeover-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('is taken over at the next start, however many sessions were busy', async () => {
    const databaseUrl = `sqlite:${join(folder, 'busy.db')}`;
    const model = createHangingModel();
    const dead = await openWorld({ databaseUrl, model, limits, onStore: withoutClaims });
    await startTasks(dead, 250);
    await waitFor(() => model.asked === 250, BUSY_MS);
    const next = createHangingModel();
    const world = await openWorld({ databaseUrl, model: next, limits });
    await waitFor(() => next.asked === 250, BUSY_MS);
    await world.close();
    expect(world.errors).to.deep.equal([]);
    await dead.close();
  });

  it('is claimed completely before the first task goes on', async () => {
    const databaseUrl = `sqlite:${join(folder, 'claimed.db')}`;
    const model = createHangingModel();
    const dead = await openWorld({ databaseUrl, model, limits, onStore: withoutClaims });
    await startTasks(dead, 250);
    await waitFor(() => model.asked === 250, BUSY_MS);
    const order: string[] = [];
    const onStore = (store: Store): void => {
      const { claimOrphans, readPage } = store;
      store.claimOrphans = async (limit) => {
        const claimed = await claimOrphans(limit);
        order.push(`claims ${claimed.length}`);
        return claimed;
      };
      store.readPage = (...args) => {
        if (order.at(-1) !== 'works') order.push('works');
        return readPage(...args);
      };
    };
    const next = createHangingModel();
    const world = await openWorld({ databaseUrl, onStore, model: next, limits });
    await waitFor(() => next.asked === 250, BUSY_MS);
    expect(order).to.deep.equal(['claims 100', 'claims 100', 'claims 50', 'works']);
    await world.close();
    await dead.close();
  });
});

describe('nodes over one PostgreSQL', function () {
  this.timeout(180_000);
  let server: Postgres;
  before(async () => {
    server = await openPostgresServer();
  });
  after(() => server.close());

  it('take over the work of a dead node while they are busy with many sessions of their own', async () => {
    const databaseUrl = await server.createDatabase();
    const leaseMs = 4000; // on a busy machine a node renews late
    const busyModel = createHangingModel();
    const deadModel = createHangingModel();
    const busy = await openWorld({ databaseUrl, leaseMs, model: busyModel, limits });
    await startTasks(busy, 150);
    const dead = await openWorld({ databaseUrl, leaseMs, model: deadModel, limits });
    const orphans = await startTasks(dead, 5);
    await waitFor(() => deadModel.asked === 5 && busyModel.asked === 150, BUSY_MS);
    dead.store.renew = (epochs) => Promise.resolve(new Set(epochs.keys())); // it stalls: its lease expires
    await waitFor(() => busyModel.asked === 155, BUSY_MS);
    const owned = await Promise.all(orphans.map((id) => busy.store.claim(id)));
    expect(owned.every((claim) => claim !== 'held' && claim !== undefined)).to.equal(true);
    await dead.close();
    dead.errors.length = 0; // it learns by a refusal that it was replaced
    await busy.close();
  });

  it('ask one question a tick for all their idle watchers, and read no log that has not grown', async () => {
    const databaseUrl = await server.createDatabase();
    const clock = createFakeClock();
    const owner = await openWorld({ databaseUrl, model: createScriptedModel([{ text: 'Yes.' }]), limits });
    const sessions = await Promise.all(Array.from({ length: 200 }, () => owner.create()));
    const node = await openWorld({ databaseUrl, model: createScriptedModel([]), clock, limits });
    const watchers = await Promise.all(
      sessions.map(async ({ id }) => watch(await node.sessions.find(id, somebody))),
    );
    const asked = { lastSeqs: 0, read: 0 };
    const { lastSeqs, readPage } = node.store;
    node.store.lastSeqs = (ids) => {
      asked.lastSeqs += 1;
      return lastSeqs(ids);
    };
    node.store.readPage = (...args) => {
      asked.read += 1;
      return readPage(...args);
    };
    let seconds = 0;
    await waitFor(() => {
      clock.advance(100);
      seconds += 0.1;
      return asked.lastSeqs >= 3;
    }, BUSY_MS);
    expect(asked.lastSeqs).to.be.at.most(seconds);
    expect(asked.read).to.equal(0);
    await sessions[0]!.submit(say('Are you there?'));
    await waitFor(() => {
      clock.advance(1000);
      return watchers[0]!.seen.some(({ type }) => type === 'task_ended');
    });
    expect(watchers.slice(1).flatMap(({ seen }) => seen)).to.deep.equal([]);
    await node.close();
    await owner.close();
  });
});
