import { expect } from 'chai';
import type { Message } from '../../lib/core/message.ts';
import { failed } from '../../lib/core/tool.ts';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { outcomeOf, refusal, refusalOf } from '../support/refusal.ts';
import { waitFor } from '../support/wait-for.ts';
import { fakeTool, gate, hang, historyOf, openWorld } from '../support/world.ts';
import { outline, say, somebody, watch, type World } from '../support/world.ts';

describe('sessions', () => {
  let world: World | undefined;
  afterEach(async () => {
    await world?.close();
    expect(world?.errors ?? []).to.deep.equal([]);
    world = undefined;
  });

  it('work a task to its end: model, tool, model, answer', async () => {
    const read = fakeTool('read', 'read', () => ({ statusCode: 200, body: '21' }));
    const model = createScriptedModel([{ calls: [{ name: 'read', arguments: {} }] }, { text: 'It is 21.' }]);
    world = await openWorld({ model, tools: [read] });
    const session = await world.create({ systemPrompt: 'Be brief.' });
    const watcher = watch(session);
    const { taskId } = await session.submit(say('How warm?'));
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen)).to.deep.equal([
      'user How warm?',
      'calls read',
      'result {"statusCode":200,"body":"21"} done',
      'answer It is 21.',
      'ended done',
    ]);
    expect(watcher.seen.map((message) => message.seq)).to.deep.equal([2, 3, 4, 5, 6]);
    expect(new Set(watcher.seen.map((message) => 'taskId' in message && message.taskId))).to.deep.equal(
      new Set([taskId]),
    );
    expect(outline(await historyOf(session))).to.deep.equal(['started Be brief.', ...outline(watcher.seen)]);
    expect(model.requests[1]?.messages).to.deep.equal([
      { role: 'system', text: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'How warm?' }] },
      { role: 'assistant', text: '', calls: [{ callId: 'call_1', name: 'read', arguments: {} }] },
      { role: 'tool', callId: 'call_1', result: { statusCode: 200, body: '21' } },
    ]);
    model.expectDone();
  });

  it('make the calls of one reply in parallel, and append each result as it comes', async () => {
    const first = gate();
    const slow = fakeTool('slow', 'read', async () => {
      await first.opened;
      return { body: 'slow' };
    });
    const quick = fakeTool('quick', 'read', () => ({ body: 'quick' }));
    const calls = [
      { name: 'slow', arguments: {} },
      { name: 'quick', arguments: {} },
    ];
    world = await openWorld({
      model: createScriptedModel([{ calls }, { text: 'ok' }]),
      tools: [slow, quick],
    });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('both'));
    await watcher.until(() => watcher.seen.length === 3);
    first.open();
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen).slice(2, 4)).to.deep.equal([
      'result {"body":"quick"}',
      'result {"body":"slow"} done',
    ]);
  });

  it('make the calls one after the other with toolStrategy serial', async () => {
    const gates = [gate(), gate()];
    const device = fakeTool('one', 'read', async ({ to }) => {
      await gates[to as number]!.opened;
      return { to: to ?? null };
    });
    const calls = [0, 1].map((to) => ({ name: 'one', arguments: { to } }));
    world = await openWorld({ model: createScriptedModel([{ calls }, { text: 'ok' }]), tools: [device] });
    const session = await world.create({ toolStrategy: 'serial' });
    const watcher = watch(session);
    gates[1]!.open(); // a second call that ran beside the first would end before it
    await session.submit(say('go'));
    await waitFor(() => device.calls.length > 0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(device.calls).to.deep.equal([{ to: 0 }]);
    gates[0]!.open();
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen)).to.deep.equal([
      'user go',
      'calls one,one',
      'result {"to":0}',
      'result {"to":1} done',
      'answer ok',
      'ended done',
    ]);
  });

  it('make the first call only with toolStrategy reject, and refuse the others', async () => {
    const device = fakeTool('one', 'read', ({ to }) => ({ to: to ?? null }));
    const calls = [0, 1].map((to) => ({ name: 'one', arguments: { to } }));
    world = await openWorld({ model: createScriptedModel([{ calls }, { text: 'ok' }]), tools: [device] });
    const session = await world.create({ toolStrategy: 'reject' });
    const watcher = watch(session);
    await session.submit(say('go'));
    await watcher.tasksEnded(1);
    expect(device.calls).to.deep.equal([{ to: 0 }]);
    const results = watcher.seen.flatMap((line) =>
      line.type === 'tool_result' ? [[line.callId, line.result]] : [],
    );
    expect(Object.fromEntries(results)).to.deep.equal({
      call_1: { to: 0 },
      call_2: failed(
        'rejected',
        'Only one call at a time in this session; ask for this one in the next reply.',
        'none',
      ),
    });
  });

  it('refuse a call before the device sees a byte, and list every fault for the model', async () => {
    const tool = fakeTool('set', 'write', () => ({ ok: true }));
    const model = createScriptedModel([
      {
        calls: [
          { name: 'set', arguments: { to: 'five', more: 1 } },
          { name: 'nothing', arguments: {} },
          { name: 'set', arguments: 'not { json' },
          { name: 'set', arguments: [1] },
        ],
      },
      { text: 'sorry' },
    ]);
    world = await openWorld({ model, tools: [tool] });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('set it'));
    await watcher.tasksEnded(1);
    expect(tool.calls).to.deep.equal([]);
    const results = watcher.seen.flatMap((message) =>
      message.type === 'tool_result' ? [[message.callId, message.result]] : [],
    );
    expect(Object.fromEntries(results)).to.deep.equal({
      call_1: failed(
        'invalid_arguments',
        'The arguments do not fit the tool: / must NOT have additional properties: "more"; /to must be integer.',
        'none',
      ),
      call_2: failed('unknown_tool', 'There is no tool named "nothing". Tools: set.', 'none'),
      call_3: failed('invalid_arguments', 'The arguments are not valid JSON: not { json', 'none'),
      call_4: failed('invalid_arguments', 'The arguments must be a JSON object.', 'none'),
    });
  });

  it('make a call without the nulls that mean "not given", and log it so', async () => {
    const device = fakeTool('set', 'write', () => ({ ok: true }));
    const calls = [{ name: 'set', arguments: { to: null } }];
    world = await openWorld({ model: createScriptedModel([{ calls }, { text: 'ok' }]), tools: [device] });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('set it'));
    await watcher.tasksEnded(1);
    expect(device.calls).to.deep.equal([{}]);
    const decision = watcher.seen.find((line) => line.type === 'model_reply');
    expect(decision?.type === 'model_reply' && decision.calls).to.deep.equal([
      { callId: 'call_1', name: 'set', arguments: {} },
    ]);
  });

  it('end a task at the limit of rounds, and one whose model fails, and run the next', async () => {
    const tool = fakeTool('read', 'read', () => ({ body: 'x' }));
    const model = createScriptedModel([
      { calls: [{ name: 'read', arguments: { to: 1 } }] },
      { calls: [{ name: 'read', arguments: { to: 2 } }] },
      { error: 'the endpoint is down', status: 503 },
      { text: 'hello' },
    ]);
    world = await openWorld({ model, tools: [tool], limits: { taskRoundsMaxCount: 2 } });
    const session = await world.create();
    const watcher = watch(session);
    for (const text of ['loop', 'fail', 'hi']) await session.submit(say(text));
    await watcher.tasksEnded(3);
    expect(outline(watcher.seen).filter((line) => /^(ended|answer)/.test(line))).to.deep.equal([
      'ended failed limit_reached',
      'ended failed model_error',
      'answer hello',
      'ended done',
    ]);
    const failure = watcher.seen.find((message) => message.type === 'task_ended');
    expect(failure).to.deep.include({
      error: {
        code: 'limit_reached',
        message: 'The task was ended after 2 rounds of tool calls (TASK_ROUNDS_MAX_COUNT).',
      },
    });
  });

  it('refuse an identical call at its limit, and calls over the limit of one reply', async () => {
    const tool = fakeTool('read', 'read', () => ({ body: 'x' }));
    const many = Array.from({ length: 10 }, (_, to) => ({ name: 'read', arguments: { to } }));
    const same = { calls: [{ name: 'read', arguments: {} }] };
    const model = createScriptedModel([same, same, same, { calls: many }, { text: 'done' }]);
    world = await openWorld({ model, tools: [tool], limits: { identicalCallsMaxCount: 2 } });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('go'));
    await watcher.tasksEnded(1);
    expect(tool.calls).to.have.length(2 + 8);
    const refused = outline(watcher.seen).filter((line) => line.includes('limit_reached'));
    expect(refused).to.have.length(1 + 2);
  });

  it('ask once more after an empty reply, and end the task when the second is empty too', async () => {
    const model = createScriptedModel([{ text: '' }, { text: 'Now.' }, { text: ' ' }, { text: '' }]);
    world = await openWorld({ model });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('one'));
    await session.submit(say('two'));
    await watcher.tasksEnded(2);
    expect(outline(watcher.seen)).to.deep.equal([
      'user one',
      'answer Now.',
      'ended done',
      'user two',
      'ended failed model_error',
    ]);
  });

  it('end a task at its deadline', async () => {
    const clock = createFakeClock();
    const asked = gate();
    world = await openWorld({
      model: createScriptedModel([hang(asked)]),
      limits: { taskTimeoutMs: 60_000 },
      clock,
    });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('think'));
    await asked.opened;
    clock.advance(60_000);
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen)).to.deep.equal(['user think', 'ended failed timeout']);
  });

  it('send deltas only for a task that asks for them', async () => {
    world = await openWorld({ model: createScriptedModel([{ text: 'one two' }, { text: 'three four' }]) });
    const session = await world.create();
    const watcher = watch(session);
    await session.submit(say('plain'));
    await session.submit({ ...say('streamed'), stream: true });
    await watcher.tasksEnded(2);
    expect(watcher.deltas).to.deep.equal(['three ', 'four']);
  });

  describe('several tasks', () => {
    it('run at the same time with taskStrategy parallel, each with its own view of the conversation', async () => {
      const both = gate();
      const model = createScriptedModel([
        async () => {
          await both.opened;
          return { text: 'a' };
        },
        () => {
          both.open();
          return { text: 'b' };
        },
      ]);
      world = await openWorld({ model });
      const session = await world.create({ taskStrategy: 'parallel' });
      const watcher = watch(session);
      await session.submit(say('one'));
      await session.submit(say('two'));
      await watcher.tasksEnded(2);
      expect(model.requests.map(({ messages }) => messages.length)).to.deep.equal([1, 1]);
    });

    it('are refused with taskStrategy reject while one runs, and a refused task never runs', async () => {
      const asked = gate();
      const model = createScriptedModel([hang(asked), { text: 'later' }]);
      world = await openWorld({ model });
      const session = await world.create({ taskStrategy: 'reject' });
      const watcher = watch(session);
      const { taskId } = await session.submit({ ...say('one'), taskId: 'one' });
      expect(await refusal(session.submit(say('two')))).to.equal('task_rejected');
      expect((await session.submit({ ...say('one'), taskId: 'one' })).taskId).to.equal(taskId);
      await asked.opened;
      await session.stop();
      await watcher.tasksEnded(1);
      await session.submit(say('three'));
      await watcher.tasksEnded(2);
      expect(outline(watcher.seen)).to.deep.equal([
        'user one',
        'ended stopped',
        'user three',
        'answer later',
        'ended done',
      ]);
    });

    it('are one task when they have one id, a conflict when the content differs, and bounded by the queue limit', async () => {
      world = await openWorld({
        model: createScriptedModel([{ hang: true }]),
        limits: { queuedTasksMaxCount: 2 },
      });
      const session = await world.create();
      await session.submit({ ...say('same'), taskId: 'x' });
      await session.submit({ ...say('same'), taskId: 'x' });
      expect(await refusal(session.submit({ ...say('other'), taskId: 'x' }))).to.equal('conflict');
      await session.submit(say('1'));
      await session.submit(say('2'));
      expect(await refusal(session.submit(say('3')))).to.equal('limit_reached');
      await session.submit({ ...say('same'), taskId: 'x' });
    });

    it('are bounded by the queue limit also when all of them come at once', async () => {
      world = await openWorld({
        model: createScriptedModel([{ hang: true }]),
        limits: { queuedTasksMaxCount: 2 },
      });
      const session = await world.create();
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, (_, at) => outcomeOf(session.submit(say(String(at))))),
      );
      expect(outcomes).to.deep.equal([
        ...Array<string>(3).fill('nothing was thrown'),
        ...Array<string>(97).fill('limit_reached'),
      ]);
    });

    it('are bounded by the bytes that wait, but one may wait alone whatever its size', async () => {
      world = await openWorld({
        model: createScriptedModel([{ hang: true }]),
        limits: { queuedTasksMaxBytes: 1000 },
      });
      const session = await world.create();
      await session.submit(say('running'));
      await session.submit(say('x'.repeat(2000)));
      const error = await refusalOf(session.submit(say('y')));
      expect([error.code, error.message]).to.deep.equal([
        'limit_reached',
        'The queue of this session is full: tasks 1, bytes 2000, QUEUED_TASKS_MAX_BYTES 1000. Send the task again when some have ended.',
      ]);
    });

    it('are counted without being read when the queue is full of large ones', async () => {
      world = await openWorld({
        model: createScriptedModel([{ hang: true }]),
        limits: { queuedTasksMaxCount: 60, taskTimeoutMs: 600_000 },
      });
      const session = await world.create();
      const large = 'x'.repeat(900_000);
      for (let at = 0; at <= 60; at += 1) await session.submit(say(large));
      let read = 0;
      const { listOpenTasks } = world.store;
      world.store.listOpenTasks = (id) => {
        read += 1;
        return listOpenTasks(id);
      };
      const refusals = await Promise.all(
        Array.from({ length: 200 }, (_, at) =>
          refusal(session.submit({ ...say('x'), taskId: `again ${at}` })),
        ),
      );
      expect([new Set(refusals), read]).to.deep.equal([new Set(['limit_reached']), 0]);
    });
  });

  describe('subscribers', () => {
    it('get the lines that they missed, then new lines, in order and once', async () => {
      const model = createScriptedModel([{ text: 'a' }, { text: 'b' }]);
      world = await openWorld({ model });
      const session = await world.create();
      const early = watch(session);
      await session.submit(say('1'));
      await early.tasksEnded(1);
      const late = watch(session, 2);
      await session.submit(say('2'));
      await late.tasksEnded(2);
      expect(late.seen).to.deep.equal((await historyOf(session)).filter((message) => message.seq > 2));
      expect(late.seen.at(-1)).to.equal(early.seen.at(-1)); // the same object: it is encoded once
    });

    it('that begin after the end of the log learn that their position is unknown, and get new lines', async () => {
      world = await openWorld({ model: createScriptedModel([{ text: 'a' }, { text: 'b' }]) });
      const session = await world.create();
      const early = watch(session);
      await session.submit(say('1'));
      await early.tasksEnded(1);
      const restored = watch(session, 1000);
      const known = watch(session, 4);
      await restored.until(() => restored.unknownPositions === 1);
      await session.submit(say('2'));
      await restored.tasksEnded(1);
      expect(outline(restored.seen)).to.deep.equal(['user 2', 'answer b', 'ended done']);
      expect([restored.unknownPositions, known.unknownPositions]).to.deep.equal([1, 0]);
    });

    it('that are slow read the missed lines from the store, and nothing waits in memory', async () => {
      world = await openWorld({ model: createScriptedModel([{ text: 'a' }, { text: 'b' }]) });
      const session = await world.create();
      const slow = gate();
      const seen: Message[] = [];
      let calls = 0;
      const caughtUp = gate();
      session.subscribe({
        messages(batch) {
          calls += 1;
          seen.push(...batch);
          if (seen.length === 6) caughtUp.open();
          return calls === 1 ? slow.opened : undefined;
        },
        delta: () => undefined,
        ended: () => undefined,
      });
      const watcher = watch(session);
      await session.submit(say('1'));
      await session.submit(say('2'));
      await watcher.tasksEnded(2);
      expect(calls).to.equal(1);
      slow.open();
      await caughtUp.opened;
      expect(seen).to.deep.equal(watcher.seen);
      expect(calls).to.equal(2);
    });
  });

  describe('expiry and access', () => {
    it('removes an idle session, counted from its last line, and its id is unknown then', async () => {
      const clock = createFakeClock();
      world = await openWorld({ model: createScriptedModel([{ text: 'hi' }]), clock });
      const session = await world.create({ timeoutSeconds: 60 });
      const watcher = watch(session);
      clock.advance(50_000);
      await session.submit(say('hello'));
      await watcher.tasksEnded(1);
      clock.advance(59_000); // more than a minute after the session was created, less than one after its last line
      expect((await world.sessions.find(session.id, somebody)).id).to.equal(session.id);
      await waitFor(() => {
        clock.advance(1000);
        return watcher.ended !== undefined;
      });
      expect(watcher.ended).to.equal('expired');
      expect(outline(watcher.seen)).to.deep.equal(['user hello', 'answer hi', 'ended done']);
      expect(await refusal(world.sessions.find(session.id, somebody))).to.equal('not_found');
      expect(world.equipped).to.deep.equal({ opened: 1, closed: 1 });
    });

    it('deletes what is older than the retention time, and then the session when it is not used', async () => {
      const clock = createFakeClock();
      const retentionMs = 24 * 3_600_000;
      world = await openWorld({
        model: createScriptedModel([{ text: 'a' }, { text: 'b' }]),
        retentionMs,
        clock,
      });
      const session = await world.create({ systemPrompt: 'Hi.' });
      const watcher = watch(session);
      await session.submit(say('old'));
      await watcher.tasksEnded(1);
      clock.advance(retentionMs - 1000);
      await session.submit(say('new'));
      await watcher.tasksEnded(2);
      let history = await historyOf(session);
      await waitFor(async () => {
        clock.advance(60_000);
        history = await historyOf(session);
        return history[0]?.seq !== 1;
      });
      expect(outline(history)).to.deep.equal(['started Hi.', 'user new', 'answer b', 'ended done']);
      expect(history.map(({ seq }) => seq)).to.deep.equal([4, 5, 6, 7]);
      await waitFor(() => {
        clock.advance(600_000);
        return watcher.ended !== undefined;
      });
      expect(watcher.ended).to.equal('expired');
      expect(await refusal(world.sessions.find(session.id, somebody))).to.equal('not_found');
    });

    it("neither shows a session to another user, nor counts it among that user's sessions", async () => {
      world = await openWorld({ model: createScriptedModel([]), limits: { sessionsPerOwnerMaxCount: 1 } });
      const session = await world.create();
      const other = { id: 'other', kind: 'user' as const };
      expect(await refusal(world.sessions.find(session.id, other))).to.equal('not_found');
      expect((await world.sessions.find(session.id, { id: 'operator', kind: 'operator' })).id).to.equal(
        session.id,
      );
      expect(await refusal(world.create())).to.equal('too_many_requests');
    });
  });
});
