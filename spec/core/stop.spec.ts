import { expect } from 'chai';
import type { NewMessage } from '../../lib/core/session.ts';
import type { Store } from '../../lib/core/store.ts';
import { failed } from '../../lib/core/tool.ts';
import { AppError } from '../../lib/errors.ts';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { refusalOf } from '../support/refusal.ts';
import { waitFor } from '../support/wait-for.ts';
import { fakeTool, gate, hang, historyOf, openWorld, outline, say, watch } from '../support/world.ts';
import type { World } from '../support/world.ts';

describe('a session', () => {
  let world: World | undefined;
  afterEach(async () => {
    await world?.close();
    expect(world?.errors ?? []).to.deep.equal([]);
    world = undefined;
  });

  describe('that is stopped', () => {
    it('is stopped by its next owner, when this node loses it while it becomes the owner', async () => {
      const clock = createFakeClock();
      let refusals = 0;
      let store: Store | undefined;
      world = await openWorld({
        model: createScriptedModel([]),
        clock,
        onStore: (opened) => {
          const { append } = opened;
          opened.append = (...args) => {
            refusals -= 1;
            return refusals >= 0 ? Promise.reject(new AppError('conflict', 'Taken over.')) : append(...args);
          };
          store = opened;
        },
      });
      const session = await world.create();
      const said: NewMessage = {
        run: false,
        role: 'user',
        content: [{ type: 'text', text: 'a' }],
        attachments: [],
        metadata: {},
      };
      refusals = 1;
      expect((await refusalOf(session.add(said))).code).to.equal('conflict');
      // A line that waits for the owner: this node writes it when it has claimed the session, and is refused again.
      await store!.addControl(session.id, {
        kind: 'note',
        line: { type: 'message_added', id: 'm', ...said },
      });
      refusals = 1;
      let isStopped = false;
      const stopping = session.stop().then(() => (isStopped = true));
      await waitFor(() => {
        clock.advance(100);
        return isStopped;
      });
      await stopping;
      expect(outline(await historyOf(session))).to.deep.equal(['started', 'said user a', 'ended stopped']);
      expect(world.errors.map((error) => (error as AppError).code)).to.deep.equal(['conflict', 'conflict']);
      world.errors.length = 0;
    });

    it('awaits a call that has left, makes no other, and leaves a valid transcript for the next task', async () => {
      const device = gate();
      const sent = gate();
      const set = fakeTool('set', 'write', async () => {
        sent.open();
        await device.opened;
        return { ok: true };
      });
      const model = createScriptedModel([
        {
          calls: [
            { name: 'set', arguments: { to: 1 } },
            { name: 'set', arguments: { to: 2 } },
          ],
        },
        { text: 'fresh' },
      ]);
      world = await openWorld({ model, tools: [set] });
      const session = await world.create({ toolStrategy: 'serial' });
      const watcher = watch(session);
      await session.submit(say('move'));
      await sent.opened;
      await session.stop();
      await session.submit(say('again'));
      expect(outline(watcher.seen)).to.deep.equal(['user move', 'calls set,set']);
      device.open();
      await watcher.tasksEnded(2);
      expect(set.calls).to.deep.equal([{ to: 1 }]);
      expect(outline(watcher.seen)).to.deep.equal([
        'user move',
        'calls set,set',
        'result {"ok":true}',
        'ended stopped',
        'user again',
        'answer fresh',
        'ended done',
      ]);
      expect(model.requests[1]?.messages.slice(2)).to.deep.equal([
        { role: 'tool', callId: 'call_1', result: { ok: true } },
        {
          role: 'tool',
          callId: 'call_2',
          result: failed('stopped', 'This call was not made: the task was stopped before it.', 'none'),
        },
        { role: 'assistant', text: '(The task was stopped.)', calls: [] },
        { role: 'user', content: [{ type: 'text', text: 'again' }] },
      ]);
    });

    it('aborts the model and drops waiting tasks, each ended once; and appends a line also when nothing ran', async () => {
      world = await openWorld({ model: createScriptedModel([{ hang: true }]) });
      const session = await world.create();
      const watcher = watch(session);
      await session.submit({ ...say('a'), taskId: 'a' });
      await session.submit({ ...say('b'), taskId: 'b' });
      await watcher.until(() => watcher.seen.length === 1);
      await session.stop();
      await watcher.tasksEnded(2);
      await session.stop();
      await watcher.tasksEnded(3);
      expect(
        watcher.seen.map((message) => message.type === 'task_ended' && [message.taskId, message.status]),
      ).to.deep.equal([false, ['b', 'stopped'], ['a', 'stopped'], [null, 'stopped']]);
    });

    it('stops a task that has only just come from another node', async () => {
      const model = createScriptedModel([]);
      world = await openWorld({ model });
      const session = await world.create();
      const watcher = watch(session);
      await world.store.enqueue(session.id, { ...say('a'), taskId: 'a' }, false);
      await session.stop('a');
      await watcher.tasksEnded(1);
      expect(outline(watcher.seen)).to.deep.equal(['user a', 'ended stopped']);
      expect(model.requests).to.deep.equal([]);
    });

    it('with a task id stops that task only', async () => {
      const asked = gate();
      world = await openWorld({ model: createScriptedModel([hang(asked), { text: 'b' }]) });
      const session = await world.create();
      const watcher = watch(session);
      await session.submit({ ...say('a'), taskId: 'a' });
      await session.submit({ ...say('b'), taskId: 'b' });
      await asked.opened;
      await session.stop('a');
      await watcher.tasksEnded(2);
      expect(outline(watcher.seen)).to.deep.equal([
        'user a',
        'ended stopped',
        'user b',
        'answer b',
        'ended done',
      ]);
    });
  });

  describe('that is cleared', () => {
    it('ends the task and the subscriptions and empties the log, whose numbers go on', async () => {
      const asked = gate();
      const model = createScriptedModel([{ text: 'one' }, hang(asked), { text: 'two' }]);
      world = await openWorld({ model });
      const session = await world.create({ systemPrompt: 'Be kind.' });
      const watcher = watch(session);
      await session.submit(say('first'));
      await watcher.tasksEnded(1);
      await session.submit(say('second'));
      await asked.opened;
      await session.clear();
      expect(watcher.ended).to.equal('cleared');
      expect(outline(watcher.seen).slice(3)).to.deep.equal(['user second', 'ended stopped']);
      const history = await historyOf(session);
      expect(outline(history)).to.deep.equal(['started Be kind.']);
      expect(history[0]?.seq).to.equal(7);
      const again = watch(session, 3);
      await session.submit(say('third'));
      await again.tasksEnded(1);
      expect(outline(again.seen)).to.deep.equal([
        'started Be kind.',
        'user third',
        'answer two',
        'ended done',
      ]);
      expect(model.requests[2]?.messages).to.deep.equal([
        { role: 'system', text: 'Be kind.' },
        { role: 'user', content: [{ type: 'text', text: 'third' }] },
      ]);
    });
  });
});
