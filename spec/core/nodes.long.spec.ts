import { expect } from 'chai';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import type { ScriptedStep } from '../../lib/models/scripted.ts';
import { openPostgresServer } from '../support/postgres.ts';
import type { Postgres } from '../support/postgres.ts';
import { rejection } from '../support/refusal.ts';
import { waitFor as wait } from '../support/wait-for.ts';
import { fakeTool, gate, historyOf, openWorld, outline, say, somebody, watch } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** Leases are timed by the database, so that a take-over takes longer than other waits. */
const waitFor = (holds: () => boolean | Promise<boolean>): Promise<void> => wait(holds, 20_000);

describe('several nodes over one PostgreSQL', function () {
  this.timeout(60_000);
  let server: Postgres;
  let databaseUrl: string;
  let nodes: World[] = [];
  before(async () => {
    server = await openPostgresServer();
  });
  after(() => server.close());
  beforeEach(async () => {
    databaseUrl = await server.createDatabase();
  });
  afterEach(async () => {
    for (const node of nodes) await node.close();
    expect(nodes.flatMap((node) => node.errors)).to.deep.equal([]);
    nodes = [];
  });

  async function openNode(
    steps: ScriptedStep[],
    tools: Parameters<typeof openWorld>[0]['tools'] = [],
  ): Promise<World> {
    const node = await openWorld({ databaseUrl, leaseMs: 1500, model: createScriptedModel(steps), tools });
    nodes.push(node);
    return node;
  }

  it('run a task on the node that owns the session, and show it on every node, once and in order', async () => {
    const a = await openNode([{ text: 'one' }, { text: 'two' }]);
    const b = await openNode([]);
    const onA = await a.create();
    const onB = await b.sessions.find(onA.id, somebody);
    const watchers = [watch(onA), watch(onB)];
    await onA.submit(say('from a'));
    await onB.submit(say('from b'));
    await Promise.all(watchers.map((watcher) => watcher.tasksEnded(2)));
    for (const watcher of watchers) {
      expect(outline(watcher.seen)).to.deep.equal([
        'user from a',
        'answer one',
        'ended done',
        'user from b',
        'answer two',
        'ended done',
      ]);
    }
    expect(await historyOf(onB)).to.deep.equal(await historyOf(onA));
    // The other node may have written since: the log says its end.
    expect([onA.idleSeq(), onB.idleSeq()]).to.deep.equal([undefined, undefined]);
  });

  it('stop a task from any node', async () => {
    const asked = gate();
    const a = await openNode([
      () => {
        asked.open();
        return { hang: true };
      },
    ]);
    const b = await openNode([]);
    const onA = await a.create();
    const onB = await b.sessions.find(onA.id, somebody);
    const watcher = watch(onB);
    await onA.submit(say('think'));
    await asked.opened;
    await onB.stop();
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen)).to.deep.equal(['user think', 'ended stopped']);
  });

  it('accept messages, marks and removals on every node, in one order', async () => {
    const a = await openNode([{ text: 'one' }]);
    const b = await openNode([]);
    const onA = await a.create();
    const onB = await b.sessions.find(onA.id, somebody);
    const watcher = watch(onA);
    const said = { role: 'user' as const, attachments: [], metadata: {} };
    const note = await onB.add({ ...said, run: false, content: [{ type: 'text', text: 'a note' }] });
    const asked = await onB.add({ ...said, run: true, content: [{ type: 'text', text: 'go' }] });
    await watcher.tasksEnded(1);
    await onB.mark([note.seq], 'said', { removed: true });
    expect([note.seq, asked.seq]).to.deep.equal([2, 3]);
    expect(outline(watcher.seen).slice(0, 5)).to.deep.equal([
      'said user a note',
      'asked user go',
      'user',
      'answer one',
      'ended done',
    ]);
    expect(outline((await historyOf(onB)).slice(1, 3))).to.deep.equal(['said user', 'asked user go']);
    await b.sessions.remove(onA.id, somebody);
    await watcher.until(() => watcher.ended !== undefined);
    expect(watcher.ended).to.equal('removed');
    expect(await a.sessions.exists(onA.id)).to.equal(false);
  });

  it('clear a session from any node, which ends the subscriptions on every node', async () => {
    const a = await openNode([{ text: 'one' }]);
    const b = await openNode([]);
    const onA = await a.create({ systemPrompt: 'Hi.' });
    const onB = await b.sessions.find(onA.id, somebody);
    const watchers = [watch(onA), watch(onB)];
    await onA.submit(say('1'));
    await Promise.all(watchers.map((watcher) => watcher.tasksEnded(1)));
    await onB.clear();
    await Promise.all(watchers.map((watcher) => watcher.until(() => watcher.ended !== undefined)));
    expect(watchers.map((watcher) => watcher.ended)).to.deep.equal(['cleared', 'cleared']);
    expect(outline(await historyOf(onB))).to.deep.equal(['started Hi.']);
  });

  it('take over the open tasks of a node that shuts down', async () => {
    const asked = gate();
    const a = await openNode([
      () => {
        asked.open();
        return { hang: true };
      },
    ]);
    const onA = await a.create();
    await onA.submit(say('think'));
    await asked.opened;
    const b = await openNode([{ text: 'thought' }]);
    const watcher = watch(await b.sessions.find(onA.id, somebody), 0);
    nodes.shift();
    await a.close();
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen)).to.deep.equal(['started', 'user think', 'answer thought', 'ended done']);
  });

  it('take over from a node whose lease has run out, which can neither append nor send after that', async () => {
    const asked = gate();
    const awake = gate();
    const set = fakeTool('set', 'write', () => ({ ok: true }));
    const a = await openNode(
      [
        async () => {
          asked.open();
          await awake.opened;
          return { calls: [{ name: 'set', arguments: {} }] };
        },
      ],
      [set],
    );
    const onA = await a.create();
    await onA.submit(say('set it'));
    await asked.opened;
    a.store.renew = (epochs) => Promise.resolve(new Set(epochs.keys())); // it stalls: its lease runs out and it does not notice
    const b = await openNode([{ text: 'not set' }]);
    const watcher = watch(await b.sessions.find(onA.id, somebody), 0);
    await watcher.tasksEnded(1);
    awake.open();
    await onA.submit(say('more'));
    expect(a.errors.map(String)).to.deep.equal(['AppError: The session has been taken over, or has to be.']);
    a.errors.length = 0;
    expect(set.calls).to.deep.equal([]);
    expect(outline(watcher.seen).slice(0, 4)).to.deep.equal([
      'started',
      'user set it',
      'answer not set',
      'ended done',
    ]);
  });

  it('do not send a write that was permitted before a stall in which another node took over', async () => {
    const set = fakeTool('set', 'write', () => ({ ok: true }));
    const a = await openNode([{ calls: [{ name: 'set', arguments: {} }] }], [set]);
    const onA = await a.create();
    const permitted = gate();
    const awake = gate();
    const { permit } = a.store;
    a.store.permit = async (...args) => {
      const given = await permit(...args);
      permitted.open();
      await awake.opened;
      return given;
    };
    a.store.renew = (epochs) => Promise.resolve(new Set(epochs.keys()));
    await onA.submit(say('set it'));
    await permitted.opened;
    const b = await openNode([{ text: 'not known' }], [set]);
    const watcher = watch(await b.sessions.find(onA.id, somebody), 0);
    await watcher.tasksEnded(1);
    a.store.renew = (epochs) => b.store.renew(epochs).then(() => new Set());
    awake.open();
    await waitFor(() => a.errors.length > 0);
    expect(a.errors.map(String)).to.deep.equal(['AppError: The session has been taken over meanwhile.']);
    a.errors.length = 0;
    expect(set.calls).to.deep.equal([]);
    expect(outline(watcher.seen)[3]).to.contain('"code":"outcome_unknown"');
  });

  it('stop a task also through a node that does not know yet that it was replaced', async () => {
    const a = await openNode([]);
    const onA = await a.create();
    a.store.renew = (epochs) => Promise.resolve(new Set(epochs.keys()));
    const asked = gate();
    const b = await openNode([
      () => {
        asked.open();
        return { hang: true };
      },
    ]);
    const onB = await b.sessions.find(onA.id, somebody);
    const watcher = watch(onB);
    await waitFor(async () => (await b.store.claim(onA.id)) !== 'held');
    await onB.submit({ ...say('think'), taskId: 'think' });
    await asked.opened;
    await onA.stop('think');
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen)).to.deep.equal(['user think', 'ended stopped']);
    expect(new Set(a.errors.map(String))).to.deep.equal(
      new Set(['AppError: The session has been taken over, or has to be.']),
    );
    a.errors.length = 0;
  });

  it('show a subscriber without a position only new lines, also when another node wrote the last ones', async () => {
    const a = await openNode([{ text: 'one' }, { text: 'two' }]);
    const b = await openNode([]);
    const onA = await a.create();
    await b.sessions.find(onA.id, somebody);
    const watcher = watch(onA);
    await onA.submit(say('before'));
    await watcher.tasksEnded(1);
    const late = watch(await b.sessions.find(onA.id, somebody));
    await onA.submit(say('after'));
    await late.tasksEnded(1);
    expect(outline(late.seen)).to.deep.equal(['user after', 'answer two', 'ended done']);
  });

  it('answer not_found for a session that another node has removed', async () => {
    const a = await openNode([]);
    const b = await openNode([]);
    const onA = await a.create({ timeoutSeconds: 0.1 });
    await b.sessions.find(onA.id, somebody);
    await waitFor(async () => (await b.store.findSession(onA.id)) === undefined);
    const error = await rejection(b.sessions.find(onA.id, somebody));
    expect(String(error)).to.contain('it is unknown or has expired');
  });

  it('obey a control once, however often they are woken', async () => {
    const a = await openNode([]);
    const b = await openNode([]);
    const onA = await a.create();
    const watcher = watch(onA);
    const live = await b.sessions.find(onA.id, somebody);
    await Promise.all([
      live.stop(),
      ...Array.from({ length: 5 }, () => b.store.addControl(onA.id, { kind: 'stop' })),
    ]);
    await waitFor(async () => (await a.store.listControls(onA.id)).length === 0);
    expect(outline(watcher.seen)).to.deep.equal(Array(6).fill('ended stopped'));
  });
});
