import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { AskingCall, Command, Verdict } from '../../lib/core/command.ts';
import type { QuestionAnswer } from '../../lib/core/message.ts';
import type { SessionRegistry, Sessions } from '../../lib/core/sessions.ts';
import { haltTasks } from '../../lib/core/halt.ts';
import { createScriptedModel, type ScriptedStep } from '../../lib/models/scripted.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { refusal } from '../support/refusal.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  fakeTool,
  openWorld,
  outline,
  questionIn,
  say,
  somebody,
  watch,
  type World,
} from '../support/world.ts';

const APPROVE: QuestionAnswer = { kind: 'decision', decision: 'approve', by: 'ann' };
const REJECT: QuestionAnswer = { kind: 'decision', decision: 'reject', by: 'ann', reason: 'too warm' };

/** A command that asks before every write of the tool "set"; `version` is the version of the device. */
function createAsking(clock = { now: () => Date.now() }): Command & { version: number; judged: number } {
  let count = 0;
  const ask = (call: AskingCall, version: number): Verdict => ({
    kind: 'ask',
    question: {
      id: `apr_${(count += 1)}`,
      kind: 'approval',
      device: 'boiler',
      name: call.tool.name,
      parameters: call.arguments,
      risk: 'normal',
      rule: 'writes need an approval',
      approvers: 'owner',
      expiresAt: clock.now() + 60_000,
    },
    digest: `${version} ${call.tool.name} ${JSON.stringify(call.arguments)}`,
  });
  const command = {
    version: 1,
    judged: 0,
    judge(call: AskingCall): Verdict {
      command.judged += 1;
      return call.tool.name === 'set' ? ask(call, command.version) : { kind: 'send' };
    },
    sentBefore: () => Promise.resolve(undefined),
    noteRefusal: () => Promise.resolve(),
    async decide(call: AskingCall, { digest }: { digest: string }): Promise<Verdict | 'changed'> {
      const now = ask(call, command.version);
      return now.kind === 'ask' && now.digest === digest ? { kind: 'send' } : 'changed';
    },
  };
  return command;
}

const setTo = (...values: number[]): ScriptedStep => ({
  calls: values.map((to) => ({ name: 'set', arguments: { to } })),
});

describe('a call that needs an approval', () => {
  const set = fakeTool('set', 'write', ({ to }) => ({ set: to! }));
  const read = fakeTool('read', 'read', () => ({ value: 1 }));
  const worlds: World[] = [];
  let folder: string;
  let databaseUrl: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-questions-'));
  });
  after(() => rm(folder, { recursive: true }));
  beforeEach(() => {
    set.calls.length = 0;
    databaseUrl = 'sqlite::memory:';
  });
  afterEach(async () => {
    for (const world of worlds.splice(0)) {
      await world.close();
      expect(world.errors).to.deep.equal([]);
    }
  });

  async function open(
    script: ScriptedStep[],
    command: Command,
    more: Partial<Parameters<typeof openWorld>[0]> = {},
  ) {
    const model = createScriptedModel(script);
    const world = await openWorld({ model, command, tools: [set, read], databaseUrl, ...more });
    worlds.push(world);
    return world;
  }

  /** Answers the question, as another node or dialect does. */
  async function answer(world: World, session: string, id: string, given: QuestionAnswer) {
    const answered = await world.store.answer(session, id, given);
    await world.sessions.wake(session);
    return answered;
  }

  it('waits, and is sent once after it was approved', async () => {
    const world = await open([setTo(27), { text: 'done' }], createAsking());
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('warmer'));
    await waitFor(() => watcher.seen.some(({ type }) => type === 'question_asked'));
    expect(set.calls).to.deep.equal([]);
    expect(await answer(world, session.id, 'apr_1', APPROVE)).to.equal('taken');
    await watcher.tasksEnded(1);
    expect(set.calls).to.deep.equal([{ to: 27 }]);
    expect(outline(watcher.seen)).to.deep.equal([
      'user warmer',
      'calls set',
      'asks approval set',
      'answered approve',
      'result {"set":27} done',
      'answer done',
      'ended done',
    ]);
    expect(await answer(world, session.id, 'apr_1', REJECT)).to.deep.equal({ late: APPROVE });
    expect(await answer(world, session.id, 'apr_9', APPROVE)).to.equal(undefined);
  });

  it('is not sent when it is rejected, and the model and the client see the reason', async () => {
    const world = await open([setTo(27), { text: 'a pity' }], createAsking());
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('warmer'));
    await waitFor(() => watcher.seen.some(({ type }) => type === 'question_asked'));
    await answer(world, session.id, 'apr_1', REJECT);
    await watcher.tasksEnded(1);
    expect(set.calls).to.deep.equal([]);
    expect(outline(watcher.seen).slice(2)).to.deep.equal([
      'asks approval set',
      'answered reject',
      'result {"reason":"too warm","error":{"code":"rejected","message":"The call was rejected by ann: too warm","effect":"none"}} done',
      'answer a pity',
      'ended done',
    ]);
  });

  it('is not sent when nobody decides in time, and the deadline of the task does not run meanwhile', async () => {
    const clock = createFakeClock();
    const world = await open([setTo(27), { text: 'later' }], createAsking(clock), { clock });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('warmer'));
    await waitFor(() => watcher.seen.some(({ type }) => type === 'question_asked'));
    for (let minute = 0; minute < 70; minute += 1) {
      clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitFor(() => {
      clock.advance(1);
      return watcher.seen.some(({ type }) => type === 'task_ended');
    });
    expect(set.calls).to.deep.equal([]);
    expect(outline(watcher.seen).slice(3)).to.deep.equal([
      'answered expired',
      'result {"error":{"code":"approval_expired","message":"Nobody decided about the call in time; it was not sent.","effect":"none"}} done',
      'answer later',
      'ended done',
    ]);
  });

  it('is over when its task is stopped, by a person or by an emergency stop', async () => {
    const world = await open([setTo(1), setTo(2)], createAsking());
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('one'));
    await waitFor(() => watcher.seen.filter(({ type }) => type === 'question_asked').length === 1);
    await session.stop();
    await watcher.tasksEnded(1);
    await session.submit(say('two'));
    await waitFor(() => watcher.seen.filter(({ type }) => type === 'question_asked').length === 2);
    await haltTasks(world.sessions as Sessions & SessionRegistry, {});
    await watcher.tasksEnded(2);
    const stopped =
      'result {"error":{"code":"stopped","message":"The task was stopped before anybody decided about the call.","effect":"none"}}';
    expect(outline(watcher.seen)).to.deep.equal([
      'user one',
      'calls set',
      'asks approval set',
      'answered stopped',
      stopped,
      'ended stopped',
      'user two',
      'calls set',
      'asks approval set',
      'answered stopped',
      stopped,
      'ended stopped estop',
    ]);
    expect(await answer(world, session.id, 'apr_1', APPROVE)).to.deep.equal({ late: { kind: 'stopped' } });
    expect(set.calls).to.deep.equal([]);
  });

  it('is over when the session is cleared', async () => {
    const world = await open([setTo(1)], createAsking());
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('one'));
    await waitFor(() => watcher.seen.some(({ type }) => type === 'question_asked'));
    await session.clear();
    expect(await answer(world, session.id, 'apr_1', APPROVE)).to.deep.equal({ late: { kind: 'stopped' } });
    expect(set.calls).to.deep.equal([]);
  });

  it('keeps its turn: later calls to its device wait, and other devices go on', async () => {
    const boiler = { ...set, device: () => 'boiler' };
    const lamp = { ...fakeTool('light', 'write', () => ({ lit: true })), device: () => 'lamp' };
    const after = { ...fakeTool('after', 'write', () => ({ after: true })), device: () => 'boiler' };
    const calls = ['set', 'after', 'light'].map((name) => ({ name, arguments: {} }));
    const world = await open([{ calls }, { text: 'done' }], createAsking(), { tools: [boiler, after, lamp] });
    const session = await world.create({ toolStrategy: 'parallel' });
    const watcher = watch(session);
    await session.submit(say('all'));
    await waitFor(() => watcher.seen.some(({ type }) => type === 'tool_result'));
    expect([lamp.calls.length, after.calls.length]).to.deep.equal([1, 0]);
    await answer(world, session.id, 'apr_1', APPROVE);
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen).slice(2)).to.deep.equal([
      'asks approval set',
      'result {"lit":true}',
      'answered approve',
      'result {}',
      'result {"after":true} done',
      'answer done',
      'ended done',
    ]);
  });

  it('waits through a restart, and is sent once when it was approved before, during or after it', async () => {
    for (const when of ['before', 'during', 'after']) {
      databaseUrl = `sqlite:${join(folder, `${when}.db`)}`;
      const first = await open([setTo(5)], createAsking());
      const session = await first.create();
      const watcher = watch(session);
      await session.submit(say('five'));
      await waitFor(() => watcher.seen.some(({ type }) => type === 'question_asked'));
      const spare = first.store;
      if (when === 'before') await spare.answer(session.id, 'apr_1', APPROVE);
      await first.sessions.close();
      if (when === 'during') await spare.answer(session.id, 'apr_1', APPROVE);
      const command = createAsking();
      const second = await open([{ text: 'done' }], command);
      const again = watch(await second.sessions.find(session.id, somebody), 0);
      if (when === 'after') await answer(second, session.id, 'apr_1', APPROVE);
      await again.tasksEnded(1);
      expect(set.calls, when).to.deep.equal([{ to: 5 }]);
      expect(outline(again.seen).slice(1), when).to.deep.equal([
        'user five',
        'calls set',
        'asks approval set',
        'answered approve',
        'result {"set":5} done',
        'answer done',
        'ended done',
      ]);
      set.calls.length = 0;
      for (const world of worlds.splice(0)) await world.close();
    }
  });

  it('is over for its next owner, when its task was stopped in between', async () => {
    databaseUrl = `sqlite:${join(folder, 'stopped.db')}`;
    const first = await open([setTo(5)], createAsking());
    const session = await first.create();
    const watcher = watch(session);
    const { taskId } = await session.submit(say('five'));
    await waitFor(() => watcher.seen.some(({ type }) => type === 'question_asked'));
    await first.sessions.close();
    const claim = await first.store.claim(session.id);
    const { epoch } = claim as { epoch: number };
    await first.store.markStopping(session.id, epoch, [taskId], 'stop');
    await first.store.release(session.id, epoch);
    const second = await open([], createAsking());
    const again = watch(await second.sessions.find(session.id, somebody), 0);
    await again.tasksEnded(1);
    expect(set.calls).to.deep.equal([]);
    expect(outline(again.seen).slice(1)).to.deep.equal([
      'user five',
      'calls set',
      'asks approval set',
      'answered stopped',
      'result {"error":{"code":"stopped","message":"The task was stopped before anybody decided about the call.","effect":"none"}}',
      'ended stopped',
    ]);
  });

  it('is asked about again when its device was changed meanwhile', async () => {
    const command = createAsking();
    const world = await open([setTo(5), { text: 'done' }], command);
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('five'));
    await waitFor(() => watcher.seen.some(({ type }) => type === 'question_asked'));
    command.version = 2;
    await answer(world, session.id, 'apr_1', APPROVE);
    await waitFor(() => watcher.seen.filter(({ type }) => type === 'question_asked').length === 2);
    expect(set.calls).to.deep.equal([]);
    const second = watcher.seen.findLast((line) => line.type === 'question_asked');
    const id = second?.type === 'question_asked' ? second.question.id : '';
    expect(await answer(world, session.id, id, APPROVE)).to.equal('taken');
    await watcher.tasksEnded(1);
    expect(set.calls).to.deep.equal([{ to: 5 }]);
    expect(world.equipped.opened).to.equal(1);
  });
});

describe("a call to a client's own function", () => {
  const clientTools = [{ name: 'locate', description: 'where the user is', parameters: { type: 'object' } }];
  const locate: ScriptedStep = { calls: [{ name: 'locate', arguments: { exact: true } }] };
  let world: World;
  afterEach(async () => {
    await world.close();
    expect(world.errors).to.deep.equal([]);
  });

  it('is offered, waits for the client, and has the first answer as its result', async () => {
    const model = createScriptedModel([locate, { text: 'Shanghai' }]);
    world = await openWorld({ model });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit({ ...say('where am I?'), settings: { clientTools } });
    await waitFor(() => watcher.seen.some(({ type }) => type === 'question_asked'));
    expect(model.requests[0]?.tools).to.deep.equal(clientTools);
    const id = questionIn(watcher.seen);
    const answers = await Promise.all(
      ['Shanghai', 'Beijing'].map((city) =>
        session.answer(id, { city }).then(
          () => city,
          (error: { code: string }) => error.code,
        ),
      ),
    );
    expect(answers).to.deep.equal(['Shanghai', 'conflict']);
    await watcher.tasksEnded(1);
    expect(await refusal(session.answer('ask_2', {}))).to.equal('not_found');
    expect(outline(watcher.seen)).to.deep.equal([
      'user where am I?',
      'calls locate',
      'asks result locate',
      'result {"city":"Shanghai"} done',
      'answer Shanghai',
      'ended done',
    ]);
  });

  it('is known by its question: a call of another task may have its id', async () => {
    const model = createScriptedModel([
      { calls: [{ name: 'locate', arguments: {}, callId: 'call_0' }] },
      { calls: [{ name: 'locate', arguments: {}, callId: 'call_0' }] },
      { text: 'Shanghai' },
      { text: 'Beijing' },
    ]);
    world = await openWorld({ model });
    const session = await world.create({ taskStrategy: 'parallel' });
    const watcher = watch(session);
    const questions = () => watcher.seen.filter((line) => line.type === 'question_asked');
    for (const [index, taskId] of ['a', 'b'].entries()) {
      await session.submit({ ...say('where?'), taskId, settings: { clientTools } });
      await watcher.until(() => questions().length === index + 1);
    }
    for (const [index, city] of ['Shanghai', 'Beijing'].entries()) {
      await session.answer(questions()[index]!.question.id, { city });
      await watcher.tasksEnded(index + 1);
    }
    const results = watcher.seen.flatMap((line) =>
      line.type === 'tool_result' ? [[line.taskId, line.result]] : [],
    );
    expect(results).to.deep.equal([
      ['a', { city: 'Shanghai' }],
      ['b', { city: 'Beijing' }],
    ]);
  });

  it('has an error as its result when the client does not answer in time', async () => {
    const model = createScriptedModel([locate, { text: 'unknown' }]);
    world = await openWorld({ model, limits: { clientAnswerTimeoutMs: 1 } });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit({ ...say('where am I?'), settings: { clientTools } });
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen).slice(3)).to.deep.equal([
      'result {"error":{"code":"answer_expired","message":"The client gave no result of \\"locate\\" in time.","effect":"unknown"}} done',
      'answer unknown',
      'ended done',
    ]);
  });
});
