import { expect } from 'chai';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import type { ScriptedStep } from '../../lib/models/scripted.ts';
import { refusalOf } from '../support/refusal.ts';
import { plainConfig } from '../support/session-config.ts';
import { gate, historyOf, openWorld, outline, say, watch } from '../support/world.ts';
import type { World } from '../support/world.ts';

describe('sessions as tools of a session', () => {
  let world: World;
  afterEach(async () => {
    await world.close();
    expect(world.errors).to.deep.equal([]);
  });

  /** Sessions whose model is scripted by their system prompt. */
  async function openFamily(scripts: Record<string, ScriptedStep[]>): Promise<void> {
    const models = new Map(
      Object.entries(scripts).map(([name, steps]) => [name, createScriptedModel(steps)]),
    );
    world = await openWorld({
      model: (config) => models.get(config.systemPrompt) ?? createScriptedModel([]),
    });
  }
  const child = (id: string, name = 'helper') => ({ children: [{ id, name, description: 'It helps.' }] });
  const ask = (prompt: string): ScriptedStep => ({ calls: [{ name: 'helper', arguments: { prompt } }] });
  const results = (messages: ReturnType<typeof watch>['seen']) =>
    messages.flatMap((message) => (message.type === 'tool_result' ? [message.result] : []));

  it('get a prompt, and their answer is the result of the call', async () => {
    await openFamily({ parent: [ask('What is 1 + 1?'), { text: 'It is 2.' }], child: [{ text: 'Two.' }] });
    const helper = await world.create({ systemPrompt: 'child' });
    const parent = await world.create({ systemPrompt: 'parent', ...child(helper.id) });
    const watcher = watch(parent);
    await parent.submit(say('ask'));
    await watcher.tasksEnded(1);
    expect(results(watcher.seen)).to.deep.equal([{ answer: 'Two.' }]);
    expect(outline(await historyOf(helper))).to.deep.equal([
      'started child',
      'user What is 1 + 1?',
      'answer Two.',
      'ended done',
    ]);
  });

  it('report their failure to the parent', async () => {
    await openFamily({ parent: [ask('go'), { text: 'Sorry.' }], child: [{ error: 'it is down' }] });
    const helper = await world.create({ systemPrompt: 'child' });
    const parent = await world.create({ systemPrompt: 'parent', ...child(helper.id) });
    const watcher = watch(parent);
    await parent.submit(say('ask'));
    await watcher.tasksEnded(1);
    expect(results(watcher.seen)).to.deep.equal([
      { error: { code: 'model_error', message: 'The agent failed: it is down', effect: 'unknown' } },
    ]);
    expect(outline(watcher.seen).at(-1)).to.equal('ended done');
  });

  it('are stopped when the parent is stopped', async () => {
    const asked = gate();
    const wait = (): ScriptedStep => {
      asked.open();
      return { hang: true };
    };
    await openFamily({ parent: [ask('go')], child: [wait] });
    const helper = await world.create({ systemPrompt: 'child' });
    const parent = await world.create({ systemPrompt: 'parent', ...child(helper.id) });
    const watchers = [watch(parent), watch(helper)];
    await parent.submit(say('ask'));
    await asked.opened;
    await parent.stop();
    await Promise.all(watchers.map((watcher) => watcher.tasksEnded(1)));
    expect(watchers.map((watcher) => outline(watcher.seen).at(-1))).to.deep.equal([
      'ended stopped',
      'ended stopped',
    ]);
  });

  it('have stopped when the stop of the parent is answered', async () => {
    const asked = gate();
    const wait = (): ScriptedStep => {
      asked.open();
      return { hang: true };
    };
    await openFamily({ parent: [ask('go')], child: [wait] });
    const helper = await world.create({ systemPrompt: 'child' });
    const parent = await world.create({ systemPrompt: 'parent', ...child(helper.id) });
    const { markStopping } = world.store;
    const marked: string[] = [];
    world.store.markStopping = async (id, ...rest) => {
      if (id === helper.id) await new Promise((resolve) => setImmediate(resolve)); // the child's node is slower
      await markStopping(id, ...rest);
      marked.push(id);
    };
    await parent.submit(say('ask'));
    await asked.opened;
    await parent.stop();
    expect(marked).to.have.members([parent.id, helper.id]);
  });

  it('must exist, belong to the caller, and not be nested too deeply', async () => {
    await openFamily({});
    const faults = async (promise: Promise<unknown>) => (await refusalOf(promise)).faults;
    expect(await faults(world.create(child('nobody')))).to.deep.equal([
      { pointer: '/sessionList/0/id', detail: 'there is no session "nobody"' },
    ]);
    const none = { ...plainConfig, children: [...child('nobody').children, ...child('none').children] };
    expect(await faults(world.create(none))).to.deep.equal([
      { pointer: '/sessionList/0/id', detail: 'there is no session "nobody"' },
      { pointer: '/sessionList/1/id', detail: 'there is no session "none"' },
    ]);
    const one = await world.create();
    const foreign = { id: 'stranger', kind: 'user' as const };
    const config = { ...one, ...child(one.id) };
    expect(
      await faults(world.sessions.create({ ...plainConfig, children: config.children }, foreign)),
    ).to.have.length(1);
    const two = await world.create(child(one.id));
    const three = await world.create(child(two.id));
    expect(await faults(world.create(child(three.id)))).to.deep.equal([
      { pointer: '/sessionList/0/id', detail: 'is more than 2 levels deep (CHILD_DEPTH_MAX_COUNT)' },
    ]);
  });
});
