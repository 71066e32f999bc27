import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { NewMessage } from '../../lib/core/session.ts';
import { AppError } from '../../lib/errors.ts';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { waitFor } from '../support/wait-for.ts';
import { gate, historyOf, openWorld, outline, say, somebody, watch } from '../support/world.ts';
import type { World } from '../support/world.ts';

const message = (text: string, more: Partial<NewMessage> = {}): NewMessage => ({
  run: false,
  role: 'user',
  content: [
    {
      type: 'text',
      text,
    },
  ],
  attachments: [],
  metadata: {},
  ...more,
});

describe('messages of a session', () => {
  let world: World | undefined;
  afterEach(async () => {
    await world?.close();
    expect(world?.errors ?? []).to.deep.equal([]);
    world = undefined;
  });

  it('are in the log at once, belong to no task, and are shown to the model', async () => {
    const model = createScriptedModel([{ text: 'Warm.' }]);
    world = await openWorld({ model });
    const session = await world.create();
    const watcher = watch(session);
    const added = await session.add(message('I am in room 5.', { metadata: { from: 'panel' } }));
    expect(added).to.deep.include({ seq: 2, run: false, metadata: { from: 'panel' } });
    await session.add(message('Noted.', { role: 'assistant' }));
    await session.submit(say('How is it?'));
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen)).to.deep.equal([
      'said user I am in room 5.',
      'said assistant Noted.',
      'user How is it?',
      'answer Warm.',
      'ended done',
    ]);
    expect(model.requests[0]?.messages).to.deep.equal([
      { role: 'user', content: [{ type: 'text', text: 'I am in room 5.' }] },
      { role: 'assistant', text: 'Noted.', calls: [] },
      { role: 'user', content: [{ type: 'text', text: 'How is it?' }] },
    ]);
  });

  it('have a last one that is known without a read while no task is open', async () => {
    const answer = gate();
    const step = async () => (await answer.opened, { text: 'One.' });
    world = await openWorld({ model: createScriptedModel([step]) });
    const session = await world.create();
    const watcher = watch(session);
    expect(session.idleSeq()).to.equal(1);
    await session.submit(say('first'));
    expect(session.idleSeq()).to.equal(undefined);
    answer.open();
    await watcher.tasksEnded(1);
    await waitFor(() => session.idleSeq() !== undefined);
    expect(session.idleSeq()).to.equal(watcher.seen.at(-1)?.seq);
  });

  it('begin a task with `run`, and are in the log before it when the task has to wait', async () => {
    const answer = gate();
    const model = createScriptedModel([
      async () => {
        await answer.opened;
        return { text: 'One.' };
      },
      { text: 'Two.' },
    ]);
    world = await openWorld({ model });
    const session = await world.create();
    const watcher = watch(session);
    const files = [{ fileId: 'file-1', tools: [] }];
    const first = await session.add(message('first', { run: true, attachments: files }));
    const second = await session.add(message('second', { run: true }));
    await session.add(message('by the way'));
    answer.open();
    await watcher.tasksEnded(2);
    expect([first.seq, second.seq]).to.deep.equal([2, 4]);
    expect(outline(watcher.seen)).to.deep.equal([
      'asked user first',
      'user',
      'asked user second',
      'said user by the way',
      'answer One.',
      'ended done',
      'user',
      'answer Two.',
      'ended done',
    ]);
    expect(model.requests.map(({ messages }) => messages)).to.deep.equal([
      [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'first' },
            { type: 'file', fileId: 'file-1' },
          ],
        },
      ],
      [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'first' },
            { type: 'file', fileId: 'file-1' },
          ],
        },
        { role: 'assistant', text: 'One.', calls: [] },
        { role: 'user', content: [{ type: 'text', text: 'by the way\n\nsecond' }] },
      ],
    ]);
  });

  it('are hidden from every view and from the model when they are removed, also after a restart', async () => {
    const model = createScriptedModel([{ text: 'Secret answer.' }, { text: 'ok' }, { text: 'ok' }]);
    world = await openWorld({ model });
    const session = await world.create();
    const watcher = watch(session);
    const { seq } = await session.add(message('secret', { run: true }));
    await watcher.tasksEnded(1);
    const note = await session.add(message('secret note'));
    await session.mark([seq], 'said', { removed: true });
    await session.mark([4], 'answer', { removed: true });
    await session.mark([note.seq], 'said', { removed: true });
    await session.submit(say('and now?'));
    await watcher.tasksEnded(2);
    const shown = [{ role: 'user', content: [{ type: 'text', text: 'and now?' }] }];
    expect(model.requests[1]?.messages).to.deep.equal(shown);
    const history = await historyOf(session);
    expect(JSON.stringify(history)).to.not.match(/secret/i);
    expect(outline(history.slice(0, 4))).to.deep.equal(['started', 'asked user', 'user', 'answer ']);
  });

  it('can be read in both directions', async () => {
    world = await openWorld({ model: createScriptedModel([]) });
    const session = await world.create();
    for (const text of ['a', 'b', 'c']) await session.add(message(text));
    expect(outline(await session.read({ after: 2 }, 5))).to.deep.equal(['said user b', 'said user c']);
    expect(outline(await session.read({ before: 4 }, 2))).to.deep.equal(['said user b', 'said user a']);
  });

  it('keep their order when many clients write', async () => {
    world = await openWorld({ model: createScriptedModel([]) });
    const session = await world.create();
    const written = await Promise.all(
      Array.from({ length: 20 }, async (_, writer) => {
        const seqs: number[] = [];
        for (let n = 0; n < 5; n += 1) seqs.push((await session.add(message(`${writer} ${n}`))).seq);
        return seqs;
      }),
    );
    const history = await historyOf(session);
    expect(history.map(({ seq }) => seq)).to.deep.equal(Array.from({ length: 101 }, (_, at) => at + 1));
    written.forEach((seqs, writer) =>
      expect(seqs.map((seq) => outline([history[seq - 1]!])[0])).to.deep.equal(
        [0, 1, 2, 3, 4].map((n) => `said user ${writer} ${n}`),
      ),
    );
  });

  it('are in the log once when the node is replaced while their task waits', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lite-agent-messages-'));
    const databaseUrl = `sqlite:${join(folder, 'test.db')}`;
    try {
      const asked = gate();
      const first = await openWorld({
        databaseUrl,
        model: createScriptedModel([
          () => {
            asked.open();
            return { hang: true };
          },
        ]),
      });
      const session = await first.create();
      await session.add(message('first', { run: true }));
      await asked.opened;
      await session.add(message('second', { run: true }));
      // Handed in, but nobody has taken it up: as another node does it, or a crash leaves it.
      const said = { attachments: [], metadata: {} };
      const third = { taskId: 'third', form: 'list' as const, content: message('third').content, said };
      await first.store.enqueue(session.id, third, false);
      await first.close();
      world = await openWorld({
        databaseUrl,
        model: createScriptedModel([{ text: 'One.' }, { text: 'Two.' }, { text: 'Three.' }]),
      });
      const again = await world.sessions.find(session.id, somebody);
      const watcher = watch(again, 0);
      await watcher.tasksEnded(3);
      expect(outline(watcher.seen)).to.deep.equal([
        'started',
        'asked user first',
        'user',
        'asked user second',
        'asked user third',
        'answer One.',
        'ended done',
        'user',
        'answer Two.',
        'ended done',
        'user',
        'answer Three.',
        'ended done',
      ]);
    } finally {
      await world?.close();
      expect(world?.errors).to.deep.equal([]);
      world = undefined;
      await rm(folder, { recursive: true });
    }
  });

  it('are removed with their session, which ends its task and its subscriptions', async () => {
    const asked = gate();
    world = await openWorld({
      model: createScriptedModel([
        () => {
          asked.open();
          return { hang: true };
        },
      ]),
    });
    const session = await world.create();
    const watcher = watch(session);
    await session.add(message('go', { run: true }));
    await asked.opened;
    expect(await world.sessions.exists(session.id)).to.equal(true);
    await world.sessions.remove(session.id, somebody);
    await watcher.until(() => watcher.ended !== undefined);
    expect(watcher.ended).to.equal('removed');
    expect(await world.sessions.exists(session.id)).to.equal(false);
    const error: unknown = await world.sessions.find(session.id, somebody).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(AppError).with.property('code', 'not_found');
  });

  it('are deleted by a clear, while the attributes stay', async () => {
    world = await openWorld({ model: createScriptedModel([]) });
    const session = await world.create();
    await session.setAttributes({ metadata: { name: 'kitchen' } });
    await session.add(message('a'));
    await session.clear();
    expect(await session.attributes()).to.deep.equal({ metadata: { name: 'kitchen' } });
    expect(outline(await historyOf(session))).to.deep.equal(['started']);
  });
});
