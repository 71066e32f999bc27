import { expect } from 'chai';
import { AppError } from '../../lib/errors.ts';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { outcomeOf } from '../support/refusal.ts';
import { plainConfig } from '../support/session-config.ts';
import { waitFor } from '../support/wait-for.ts';
import { fakeTool, gate, openWorld, outline, say, somebody, watch } from '../support/world.ts';
import type { World } from '../support/world.ts';

const config = { ...plainConfig, agent: 'app:1' };

describe('a session of a stored agent', () => {
  let world: World | undefined;
  afterEach(async () => {
    await world?.close();
    expect(world?.errors ?? []).to.deep.equal([]);
    world = undefined;
  });

  it('works every task with the present configuration of its agent, and closes it afterwards', async () => {
    const model = createScriptedModel([{ text: 'A.' }, { text: 'B.' }, { text: 'C.' }]);
    let system = 'First.';
    world = await openWorld({ model, equip: () => ({ framing: { system, turnsMaxCount: 1 } }) });
    const session = await world.create({ agent: 'app:1', systemPrompt: 'Never shown.' });
    expect(world.equipped).to.deep.equal({ opened: 0, closed: 0 });
    const watcher = watch(session);
    for (const [index, text] of ['a', 'b', 'c'].entries()) {
      await session.submit(say(text));
      await watcher.tasksEnded(index + 1);
      system = `After ${text}.`;
    }
    const { equipped } = world;
    await waitFor(() => equipped.closed === 3);
    expect(equipped).to.deep.equal({ opened: 3, closed: 3 });
    expect(
      model.requests.map(({ messages }) => messages.map((line) => ('text' in line ? line.text : line.role))),
    ).to.deep.equal([
      ['First.', 'user'],
      ['After a.', 'user', 'A.', 'user'],
      ['After b.', 'user', 'B.', 'user'],
    ]);
  });

  it('makes its calls with the strategy of the agent', async () => {
    const first = gate();
    const read = fakeTool('read', 'read', async ({ to }) => {
      if (to === 1) await first.opened;
      return { to: to ?? 0 };
    });
    const calls = [1, 2].map((to) => ({ name: 'read', arguments: { to } }));
    const model = createScriptedModel([{ calls }, { text: 'Done.' }]);
    world = await openWorld({ model, tools: [read], equip: () => ({ toolStrategy: 'serial' }) });
    const session = await world.create({ agent: 'app:1', toolStrategy: 'parallel' });
    const watcher = watch(session);
    await session.submit(say('Read both.'));
    await waitFor(() => read.calls.length > 0);
    expect(read.calls).to.deep.equal([{ to: 1 }]);
    first.open();
    await watcher.tasksEnded(1);
    expect(read.calls).to.deep.equal([{ to: 1 }, { to: 2 }]);
  });

  it('fails a task whose agent cannot be opened, and works when it can be opened again', async () => {
    let broken = true;
    world = await openWorld({
      model: createScriptedModel([{ text: 'Here.' }]),
      equip() {
        if (broken) throw new AppError('not_found', 'There is no agent.');
        return {};
      },
    });
    const session = await world.create({ agent: 'app:1' });
    const watcher = watch(session);
    await session.submit(say('One?'));
    await watcher.tasksEnded(1);
    broken = false;
    await session.submit(say('Two?'));
    await watcher.tasksEnded(2);
    expect(outline(watcher.seen)).to.deep.equal([
      'user One?',
      'ended failed not_found',
      'user Two?',
      'answer Here.',
      'ended done',
    ]);
  });

  it('stops at once while its agent is being opened, and closes the agent when it is open', async () => {
    const opening = gate();
    const opened = gate();
    world = await openWorld({
      model: createScriptedModel([]),
      async equip() {
        opening.open();
        await opened.opened;
        return {};
      },
    });
    const session = await world.create({ agent: 'app:1' });
    const watcher = watch(session);
    await session.submit(say('Go.'));
    await opening.opened;
    await session.stop();
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen)).to.deep.equal(['user Go.', 'ended stopped']);
    expect(world.equipped).to.deep.equal({ opened: 1, closed: 0 });
    opened.open();
    await new Promise((resolve) => setImmediate(resolve));
    expect(world.equipped).to.deep.equal({ opened: 1, closed: 1 });
  });

  it('is one session also for requests that looked for it before it was created', async () => {
    world = await openWorld({ model: createScriptedModel([{ text: 'Yes.' }]) });
    const { sessions, store } = world;
    const id = '8a3c1c1e-6a77-4a4c-9b0f-0e1c3f1d2b3b';
    const made = gate();
    const { findSession } = store;
    store.findSession = async (asked) => {
      await made.opened;
      return findSession(asked);
    };
    // The creation waits for the look that came first, so that what that one remembers is no second session.
    const looked = outcomeOf(sessions.find(id, somebody));
    const creating = sessions.create(config, somebody, undefined, id);
    made.open();
    expect(await looked).to.equal('not_found');
    await creating;
    const session = await sessions.find(id, somebody);
    expect(await sessions.find(id, somebody)).to.equal(session);
    const watcher = watch(session);
    await session.submit(say('There?'));
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen)).to.deep.equal(['user There?', 'answer Yes.', 'ended done']);
  });

  it('can be created under an id that the caller chose, once', async () => {
    world = await openWorld({ model: createScriptedModel([{ text: 'Yes.' }]) });
    const { sessions } = world;
    const id = '8a3c1c1e-6a77-4a4c-9b0f-0e1c3f1d2b3a';
    const looked = sessions.exists(id); // what is remembered of it must not outlive the session's making
    const made = [1, 2].map(() =>
      sessions.create(config, somebody, undefined, id).then(
        () => 'made',
        () => 'refused',
      ),
    );
    expect(await looked).to.equal(false);
    expect((await Promise.all(made)).toSorted()).to.deep.equal(['made', 'refused']);
    const session = await sessions.find(id, somebody);
    expect(await sessions.find(id, somebody)).to.equal(session);
    const watcher = watch(session);
    await session.submit(say('There?'));
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen)).to.deep.equal(['user There?', 'answer Yes.', 'ended done']);
  });
});
