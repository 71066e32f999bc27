import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { ask } from '../../lib/core/ask.ts';
import type { Session } from '../../lib/core/session.ts';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import type { ScriptedStep } from '../../lib/models/scripted.ts';
import { createFakeSessions } from '../support/fake-sessions.ts';
import { refusalOf } from '../support/refusal.ts';
import { plainConfig } from '../support/session-config.ts';
import { waitFor } from '../support/wait-for.ts';
import { gate, historyOf, openWorld, outline, say, somebody } from '../support/world.ts';
import type { World } from '../support/world.ts';

describe('asking a session', () => {
  let world: World | undefined;
  afterEach(async () => {
    await world?.close();
    expect(world?.errors ?? []).to.deep.equal([]);
    world = undefined;
  });

  const task = (text: string) => ({ ...say(text), taskId: randomUUID() });
  const never = new AbortController().signal;

  async function open(...steps: ScriptedStep[]): Promise<Session> {
    world = await openWorld({ model: createScriptedModel(steps), limits: { queuedTasksMaxCount: 1 } });
    return world.create();
  }

  /** The code and the message of a refusal. */
  async function refusal(promise: Promise<unknown>): Promise<string> {
    const { code, message } = await refusalOf(promise);
    return `${code}: ${message}`;
  }

  it('resolves with the turn, and passes partial text on as it arrives', async () => {
    const session = await open({ text: 'It is warm.' });
    const words: string[] = [];
    const asked = task('How is it?');
    const turn = await ask(session, asked, { signal: never, onDelta: (text) => words.push(text) });
    const { startedAt, endedAt, ...rest } = turn;
    expect(rest).to.deep.equal({
      taskId: asked.taskId,
      said: 'How is it?',
      answer: 'It is warm.',
      removed: { said: false, answer: false },
      status: 'done',
      completionTokens: 20,
      saidSeq: 2,
      answerSeq: 3,
    });
    expect(endedAt).to.be.at.least(startedAt);
    expect(words).to.deep.equal(['It ', 'is ', 'warm.']);
  });

  it('resolves each of several requests with its own turn', async () => {
    const session = await open({ text: 'One.' }, { text: 'Two.' });
    const turns = await Promise.all(['1', '2'].map((text) => ask(session, task(text), { signal: never })));
    expect(turns.map(({ said, answer }) => [said, answer])).to.deep.equal([
      ['1', 'One.'],
      ['2', 'Two.'],
    ]);
  });

  it('resolves with a turn that failed', async () => {
    const session = await open({ error: 'The endpoint is down.' });
    const { status, error, answer } = await ask(session, task('Hm?'), { signal: never });
    expect({ status, error, answer }).to.deep.equal({
      status: 'failed',
      error: { code: 'model_error', message: 'The endpoint is down.' },
      answer: undefined,
    });
  });

  it('stops the task when the client disconnects', async () => {
    const asked = gate();
    const session = await open(() => {
      asked.open();
      return { hang: true };
    });
    const leaving = new AbortController();
    const turn = ask(session, task('Wait.'), { signal: leaving.signal });
    await asked.opened;
    leaving.abort();
    expect((await turn).status).to.equal('stopped');
    expect(outline(await historyOf(session))).to.deep.equal(['started', 'user Wait.', 'ended stopped']);
    const late = refusal(ask(session, task('Too late.'), { signal: leaving.signal }));
    expect(await late).to.equal('stopped: The client disconnected.');
    expect(await historyOf(session)).to.have.length(3);
  });

  it('rejects with the reason when there will be no answer', async () => {
    const running = gate();
    const hang: ScriptedStep = () => {
      running.open();
      return { hang: true };
    };
    const session = await open(hang, hang);
    const first = ask(session, task('1'), { signal: never });
    await running.opened;
    const leaving = new AbortController();
    const waiting = refusal(ask(session, task('2'), { signal: leaving.signal }));
    const { store } = world!;
    await waitFor(async () => (await store.listOpenTasks(session.id)).length === 2);
    expect(await refusal(ask(session, task('3'), { signal: never }))).to.include(
      'limit_reached: The queue of this session is full: tasks 1,',
    );
    leaving.abort();
    expect(await waiting).to.equal('stopped: The task was stopped before it began.');
    await session.stop();
    expect((await first).status).to.equal('stopped');
    // A real session ends the task first, so that these reasons need a fake session.
    for (const [reason, told] of [
      ['cleared', 'stopped: The conversation was emptied.'],
      ['removed', 'not_found: The conversation is gone.'],
      ['expired', 'not_found: The conversation is gone.'],
    ] as const) {
      const fake = createFakeSessions();
      const { id } = await fake.find(await fake.create(plainConfig, somebody), somebody);
      const silent = fake.all.get(id)!;
      const asked = refusal(ask(silent, task('4'), { signal: never }));
      silent.end(reason);
      expect(await asked).to.equal(told);
      expect(silent.followers).to.equal(0);
    }
  });

  it('rejects with unavailable when the server shuts down', async () => {
    const running = gate();
    const session = await open(() => {
      running.open();
      return { hang: true };
    });
    const asked = refusal(ask(session, task('1'), { signal: never }));
    await running.opened;
    await world!.sessions.close();
    expect(await asked).to.equal('unavailable: The server is going away; try again.');
  });
});
