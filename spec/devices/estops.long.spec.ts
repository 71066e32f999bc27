import { expect } from 'chai';
import pg from 'pg';
import type { JsonObject } from '../../lib/common/json.ts';
import { openCommandNodes, type CommandNodes, type NodeCaller } from '../support/command-nodes.ts';
import type { HttpDevice } from '../support/http-device.ts';
import { openCluster } from '../support/crash-nodes.ts';
import { runEstops } from '../support/estop-rounds.ts';
import { openLamp } from '../support/lamp.ts';
import { openRest } from '../support/rest.ts';
import { waitFor } from '../support/wait-for.ts';
import { gate } from '../support/world.ts';

const DARK = 1;
const tool = '/api/devices/lamp/tools/set_brightness';

describe('an emergency stop, over several nodes', function () {
  this.timeout(120_000);
  let nodes: CommandNodes;
  let root: NodeCaller;
  let ann: NodeCaller;
  let lamp: HttpDevice & { registration(name: string): JsonObject };
  beforeEach(async () => {
    nodes = await openCommandNodes(2);
    root = await nodes.caller('root', 'admin');
    ann = await nodes.caller('ann');
    lamp = await openLamp();
    const safeState = [{ tool: 'set_brightness', arguments: { brightness: DARK } }];
    const body = { ...lamp.registration('lamp'), safeState };
    await nodes.on(0).ok(201, 'POST', '/api/devices', { token: root.token, body });
  });
  afterEach(async () => {
    await nodes.close();
    await lamp.close();
  });

  const stop = (node: number, scope: unknown = { device: 'lamp' }) =>
    nodes.on(node).ok(200, 'POST', '/api/estop', { token: ann.token, body: { scope } });
  const release = (node: number, scope: unknown = { device: 'lamp' }) =>
    nodes
      .on(node)
      .ok(200, 'POST', '/api/estop/release', { token: root.token, body: { scope, reason: 'over' } });
  const set = (node: number, brightness: number) =>
    nodes.on(node).ok<{ error?: { code: string } }>(200, 'POST', tool, {
      token: ann.token,
      body: { arguments: { brightness } },
    });
  const writes = () =>
    lamp.seen.flatMap(({ method, url }) => (method === 'PUT' ? Number(url.split('=')[1]) : []));

  it('is carried out also after a stop of a node whose clock was ahead', async () => {
    const client = new pg.Client({ connectionString: nodes.databaseUrl });
    await client.connect();
    try {
      const ahead = (Date.now() + 3_600_000) * 1000;
      await client.query(
        `insert into estops (id, scope, engaged_by, engaged_at, released_at) values ($1, 'all', 'ann', 0, 0)`,
        [ahead],
      );
      await waitFor(async () => {
        const { rows } = await client.query<{ count: string }>(
          'select count(*) from nodes where estop_seen >= $1',
          [ahead],
        );
        return Number(rows[0]!.count) === 2;
      });
    } finally {
      await client.end();
    }
    await stop(0);
    await waitFor(() => writes().length > 0);
    expect(writes()).to.deep.equal([DARK]);
  });

  it('catches a write on another node that was permitted before and is not sent yet', async () => {
    expect(await set(1, 20)).to.have.property('statusCode', 200);
    const permitted = gate();
    const awake = gate();
    const store = nodes.stores[1]!;
    const { permit } = store;
    store.permit = async (...args) => {
      const given = await permit(...args);
      permitted.open();
      await awake.opened;
      return given;
    };
    const call = nodes
      .on(1)
      .call('POST', tool, { token: ann.token, body: { arguments: { brightness: 30 } } });
    await permitted.opened;
    store.permit = permit;
    expect(await stop(0)).to.include({ engaged: true, nodesBehind: 0 });
    awake.open();
    expect(await call).to.deep.include({ status: 409 });
    await waitFor(() => writes().length === 2);
    expect(writes()).to.deep.equal([20, DARK]);
    expect((await set(1, 40)).error?.code).to.equal('estop');
    await release(0);
    expect(await set(0, 50)).to.have.property('statusCode', 200);
    expect(writes()).to.deep.equal([20, DARK, 50]);
  });

  it('survives a restart of every node, and the safe state is sent once', async () => {
    await stop(1, 'all');
    await waitFor(() => writes().length > 0);
    const safeState = [{ tool: 'set_brightness', arguments: { brightness: 2 } }];
    const later = { ...lamp.registration('later'), safeState }; // the stop was not for it
    await nodes.on(0).ok(201, 'POST', '/api/devices', { token: root.token, body: later });
    for (const app of nodes.apps.splice(0)) await app.close();
    for (let node = 0; node < 2; node += 1) await nodes.open();
    expect((await set(0, 40)).error?.code).to.equal('estop');
    expect((await set(1, 40)).error?.code).to.equal('estop');
    expect(await release(1, 'all')).to.deep.equal({ released: 1, engaged: false, stops: [] });
    expect(await set(1, 60)).to.have.property('statusCode', 200);
    expect(writes()).to.deep.equal([DARK, 60]);
  });
});

describe('an emergency stop under load', function () {
  this.timeout(120_000);

  it('lets no write leave any of three nodes after its answer, ends every task, and sends the safe state once', async () => {
    const { answerMs, lastByteMs, ...report } = await runEstops(3, 4);
    expect(report).to.deep.equal({
      late: 0,
      repeated: 0,
      ends: { estop: 36 },
      refusals: { estop: 9 },
      safeStates: 3,
    });
    expect([answerMs.length, lastByteMs.length]).to.deep.equal([3, 3]);
  });

  it('sends the safe state once, also when every node is killed in the middle of it', async () => {
    const nodes = await openCommandNodes(0);
    const lamp = await openLamp();
    const root = await nodes.caller('root', 'admin');
    const cluster = await openCluster({
      count: 3,
      settings: nodes.settings,
      leaseMs: 1500,
      journal: true,
      stallMs: 0,
    });
    try {
      const on = (node: number) => openRest(cluster.urls[node]!);
      const { token } = root;
      const safeState = [1, 0].map((brightness) => ({ tool: 'set_brightness', arguments: { brightness } }));
      const body = { ...lamp.registration('lamp'), safeState };
      await on(0).ok(201, 'POST', '/api/devices', { token, body });
      const { answer } = lamp;
      lamp.answer = () => undefined; // the first call is on the wire when its node dies
      await on(1).ok(200, 'POST', '/api/estop', { token, body: { scope: { device: 'lamp' } } });
      await waitFor(() => lamp.seen.length === 1);
      lamp.answer = answer;
      for (let node = 0; node < 3; node += 1) cluster.kill(node);
      await waitFor(() => cluster.urls.length === 0);
      await cluster.settled();
      let rows: { outcome: string }[] = [];
      await waitFor(async () => {
        const all = await on(2).ok<typeof rows>(200, 'GET', '/api/audit?device=lamp', { token });
        rows = all.filter(({ outcome }) => outcome !== 'none'); // a node may lose the session before it sends
        return rows.length === 2 && rows.every(({ outcome }) => outcome !== null);
      }, 60_000);
      expect(rows.map(({ outcome }) => outcome)).to.deep.equal(['unknown', 'done']);
      expect(lamp.seen.map(({ url }) => url)).to.deep.equal([
        '/brightness?brightness=1',
        '/brightness?brightness=0',
      ]);
      expect(cluster.faults).to.deep.equal([]);
    } finally {
      await cluster.close();
      await nodes.close();
      await lamp.close();
    }
  });
});
