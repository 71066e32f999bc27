import { AsyncLocalStorage } from 'node:async_hooks';
import { expect } from 'chai';
import { messageOf } from '../../lib/errors.ts';
import type { Observer, ObservedStep } from '../../lib/core/observer.ts';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { waitFor } from '../support/wait-for.ts';
import { fakeTool, gate, hang, openWorld, questionIn, say, watch, type World } from '../support/world.ts';

/** An observer that writes down each step, and the steps around it. */
function createRecorder() {
  const seen: string[] = [];
  const around = new AsyncLocalStorage<string>();
  const step = (name: string): ObservedStep<unknown> => {
    const path = [around.getStore(), name].filter(Boolean).join(' › ');
    seen.push(`${path} begins`);
    return {
      within: (work) => around.run(path, work),
      done: (value) => void seen.push(`${path} ${JSON.stringify(value) ?? 'without a value'}`),
      failed: (error) => void seen.push(`${path} failed: ${messageOf(error)}`),
    };
  };
  const observer: Observer = {
    task({ taskId, owner }) {
      seen.push(`${taskId} of ${owner}`);
      return {
        began: () => void seen.push(`${taskId} begins`),
        model: () => {
          const asked = step('model');
          return { ...asked, done: ({ text, calls }) => asked.done({ text, calls: calls.length }) };
        },
        call: ({ name, effect, operation }) => step([name, effect, operation].join(' ')),
        send: ({ name }) => step(`send ${name}`),
        question: (kind) => step(`question ${kind}`),
        ended: (end) => void seen.push(`${taskId} ${end}`),
      };
    },
  };
  return { seen, observer };
}

describe('an observer', () => {
  let world: World | undefined;
  afterEach(async () => {
    await world?.close();
    world = undefined;
  });

  it('learns of every step of a task, and runs its work within it', async () => {
    const { seen, observer } = createRecorder();
    const set = fakeTool('set', 'write', () => ({ ok: true }));
    const model = createScriptedModel([
      { calls: [{ name: 'set', arguments: { to: 1 } }] },
      { calls: [{ name: 'nothing', arguments: {} }] },
      { text: 'done' },
    ]);
    world = await openWorld({ model, tools: [set], observer });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit({ ...say('go'), taskId: 'a' });
    await watcher.tasksEnded(1);
    expect(seen).to.deep.equal([
      'a of somebody',
      'a begins',
      'model begins',
      'model {"text":"","calls":1}',
      'set write set begins',
      'set write set › send set begins',
      'set write set › send set {"ok":true}',
      'set write set {"result":{"ok":true},"outcome":"done"}',
      'model begins',
      'model {"text":"","calls":1}',
      'nothing   begins',
      `nothing   ${JSON.stringify({
        result: {
          error: {
            code: 'unknown_tool',
            message: 'There is no tool named "nothing". Tools: set.',
            effect: 'none',
          },
        },
      })}`,
      'model begins',
      'model {"text":"done","calls":0}',
      'a done',
    ]);
  });

  it('learns of a model that fails, of a question to the client, and of the end of its task', async () => {
    const { seen, observer } = createRecorder();
    const model = createScriptedModel([
      { calls: [{ name: 'look', arguments: {} }] },
      { error: 'out of order' },
    ]);
    world = await openWorld({ model, observer });
    const session = await world.create();
    const watcher = watch(session);
    const clientTools = [{ name: 'look', description: '', parameters: { type: 'object' } }];
    await session.submit({ ...say('go'), taskId: 'a', settings: { clientTools } });
    await watcher.until(() => watcher.seen.some(({ type }) => type === 'question_asked'));
    await session.answer(questionIn(watcher.seen), { found: true });
    await watcher.tasksEnded(1);
    expect(seen.filter((line) => !line.startsWith('look   {'))).to.deep.equal([
      'a of somebody',
      'a begins',
      'model begins',
      'model {"text":"","calls":1}',
      'look   begins',
      'look   › question result begins',
      'look   › question result {"kind":"result","result":{"found":true}}',
      'model begins',
      'model failed: out of order',
      'a failed',
    ]);
  });

  it('learns once of the end of a task that waits, that is stopped, cleared, or left to another node', async () => {
    const { seen, observer } = createRecorder();
    const asked = gate();
    world = await openWorld({
      model: createScriptedModel([hang(asked), { hang: true }, { hang: true }]),
      observer,
    });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit({ ...say('1'), taskId: 'runs' });
    await session.submit({ ...say('2'), taskId: 'waits' });
    await asked.opened;
    await session.stop();
    await watcher.tasksEnded(2);
    await session.submit({ ...say('3'), taskId: 'cleared' });
    await session.clear();
    await waitFor(() => seen.includes('cleared stopped'));
    await session.submit({ ...say('4'), taskId: 'leaves' });
    await session.submit({ ...say('5'), taskId: 'stays' });
    await world.close();
    world = undefined;
    const ends = seen.filter((line) => /^\w+ (done|stopped|failed|left)$/.test(line));
    expect(ends).to.have.members([
      'runs stopped',
      'waits stopped',
      'cleared stopped',
      'leaves left',
      'stays left',
    ]);
    expect(seen.filter((line) => line === 'waits begins')).to.deep.equal([]);
  });
});
