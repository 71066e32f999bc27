import { expect } from 'chai';
import type { TaskSettings } from '../../lib/core/session-config.ts';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { openWorld, say, watch, type World } from '../support/world.ts';

describe('the settings of a task', () => {
  let world: World | undefined;
  afterEach(async () => {
    await world?.close();
    expect(world?.errors ?? []).to.deep.equal([]);
    world = undefined;
  });

  it('change the model and the prompt for that task only, also while it waits', async () => {
    const asked: unknown[] = [];
    world = await openWorld({
      model: ({ model: parameters }) => ({
        async reply({ messages }) {
          asked.push([parameters, messages.find(({ role }) => role === 'system')]);
          return createScriptedModel([{ text: 'Yes.' }]).reply(
            { messages, tools: [] },
            { signal: AbortSignal.timeout(9000) },
          );
        },
      }),
    });
    const session = await world.create({ systemPrompt: 'Be kind.', model: { model: 'm', temperature: 0 } });
    const watcher = watch(session);
    const wishes: TaskSettings[] = [
      { model: { temperature: 1 }, instructions: 'Be short.' },
      {},
      { systemPrompt: 'Be a cat.' },
      { systemPrompt: 'Be a cat.', instructions: 'Be short.' },
    ];
    for (const settings of wishes) await session.submit({ ...say('Hello'), settings });
    await watcher.tasksEnded(wishes.length);
    const system = (text: string) => ({ role: 'system', text });
    expect(asked).to.deep.equal([
      [{ model: 'm', temperature: 1 }, system('Be kind.\n\nBe short.')],
      [{ model: 'm', temperature: 0 }, system('Be kind.')],
      [{ model: 'm', temperature: 0 }, system('Be a cat.')],
      [{ model: 'm', temperature: 0 }, system('Be a cat.\n\nBe short.')],
    ]);
  });

  it('keep the prompt of a stored agent where the task has none, and how many turns it sees', async () => {
    const model = createScriptedModel([{ text: 'A.' }, { text: 'B.' }]);
    world = await openWorld({ model, equip: () => ({ framing: { system: 'Agent.', turnsMaxCount: 0 } }) });
    const session = await world.create({ agent: 'app:1' });
    const watcher = watch(session);
    for (const instructions of ['One.', 'Two.'])
      await session.submit({ ...say('Hello'), settings: { instructions } });
    await watcher.tasksEnded(2);
    expect(
      model.requests.map(({ messages }) => messages.map((line) => ('text' in line ? line.text : line.role))),
    ).to.deep.equal([
      ['Agent.\n\nOne.', 'user'],
      ['Agent.\n\nTwo.', 'user'],
    ]);
  });

  it('are part of the task: the same id with other settings is another task', async () => {
    world = await openWorld({ model: createScriptedModel([{ text: 'A.' }]) });
    const session = await world.create();
    const watcher = watch(session);
    const task = { ...say('Hello'), taskId: 'one', settings: { instructions: 'One.' } };
    await session.submit(task);
    await watcher.tasksEnded(1);
    expect((await session.submit(task)).taskId).to.equal('one');
    const other = await session.submit({ ...task, settings: {} }).catch((error: unknown) => error);
    expect(other).to.have.property('code', 'conflict');
  });
});
