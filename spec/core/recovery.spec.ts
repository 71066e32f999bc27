import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { freeCommand } from '../../lib/core/command.ts';
import type { MessageBody } from '../../lib/core/message.ts';
import { AppError, StoreFailure } from '../../lib/errors.ts';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { connectStore } from '../../lib/store/index.ts';
import { rejection } from '../support/refusal.ts';
import { plainConfig } from '../support/session-config.ts';
import { fakeTool, openWorld, outline, say, somebody, watch } from '../support/world.ts';

const completion = { id: 'r', model: 'm', usage: { promptTokens: 1, completionTokens: 1, totalTokens: 2 } };
const task = { taskId: 'task', ...say('go') };

const unknownOf = (tool: string) => ({
  code: 'outcome_unknown',
  message: `The server was interrupted after "${tool}" may have been sent. Whether it happened is not known, and it is not sent again by itself: read the device's state before deciding.`,
  effect: 'unknown',
});

describe('after a crash', () => {
  let folder: string;
  let databaseUrl: string;
  let count = 0;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-recovery-'));
  });
  after(() => rm(folder, { recursive: true }));
  beforeEach(() => {
    count += 1;
    databaseUrl = `sqlite:${join(folder, `${count}.db`)}`;
  });

  /** Writes what a killed process would have written: a session, an accepted task, these lines, and these permits. */
  async function leaveBehind(
    lines: MessageBody[],
    permits: string[] = [],
    more: { stopping?: string[]; toolStrategy?: 'reject' } = {},
  ): Promise<void> {
    const store = await connectStore({ databaseUrl, secret: 'secret', onError: () => undefined });
    const { toolStrategy = 'parallel' as const } = more;
    const config = { ...plainConfig, toolStrategy };
    const stored = { id: 's', owner: somebody.id, config, createdAt: 1, expiresAt: null };
    await store.createSession(stored, { type: 'session_started', systemPrompt: '', seq: 1, time: 1 });
    await store.enqueue('s', task, false);
    const messages = lines.map((line, index) => ({ ...line, seq: index + 2, time: 2 }));
    await store.append('s', 1, messages);
    for (const callId of permits)
      await store.permit('s', 1, { seq: 3, callId, taskId: 'task', tool: 'set', arguments: {} });
    await store.markStopping('s', 1, more.stopping ?? [], 'stop');
    await store.close();
  }

  const started: MessageBody = { type: 'task_started', ...task };
  const decision = (...calls: [callId: string, name: string][]): MessageBody => ({
    type: 'model_reply',
    taskId: 'task',
    text: '',
    calls: calls.map(([callId, name]) => ({ callId, name, arguments: {} })),
    completion,
  });

  it('an accepted task runs', async () => {
    await leaveBehind([]);
    const world = await openWorld({ databaseUrl, model: createScriptedModel([{ text: 'done' }]) });
    const session = await world.sessions.find('s', somebody);
    const watcher = watch(session, 0);
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen)).to.deep.equal(['started', 'user go', 'answer done', 'ended done']);
    await world.close();
  });

  it('the model is not asked again for a committed decision: an unsent write and a read are made, a write that may have been sent is not', async () => {
    await leaveBehind([started, decision(['sent', 'set'], ['unsent', 'set'], ['read', 'get'])], ['sent']);
    const set = fakeTool('set', 'write', () => ({ ok: true }));
    const get = fakeTool('get', 'read', () => ({ body: 'x' }));
    const model = createScriptedModel([{ text: 'checked' }]);
    const world = await openWorld({ databaseUrl, model, tools: [set, get] });
    const watcher = watch(await world.sessions.find('s', somebody), 0);
    await watcher.tasksEnded(1);
    expect([set.calls.length, get.calls.length]).to.deep.equal([1, 1]);
    const results = Object.fromEntries(
      watcher.seen.flatMap((message) =>
        message.type === 'tool_result' ? [[message.callId, message.result]] : [],
      ),
    );
    expect(results).to.deep.equal({
      sent: { error: unknownOf('set') },
      unsent: { ok: true },
      read: { body: 'x' },
    });
    expect(
      watcher.seen.filter((message) => message.type === 'tool_result').map((message) => message.roundDone),
    ).to.deep.equal([false, false, true]);
    expect(outline(watcher.seen).slice(-2)).to.deep.equal(['answer checked', 'ended done']);
    expect(model.requests[0]?.messages).to.have.length(5);
    await world.close();
  });

  it('a stop that was answered holds: a write that may have been sent is reported, and nothing else is sent', async () => {
    const calls = decision(['sent', 'set'], ['unsent', 'set'], ['read', 'get']);
    await leaveBehind([started, calls], ['sent'], { stopping: ['task'] });
    const set = fakeTool('set', 'write', () => ({ ok: true }));
    const get = fakeTool('get', 'read', () => ({ body: 'x' }));
    const world = await openWorld({ databaseUrl, model: createScriptedModel([]), tools: [set, get] });
    const watcher = watch(await world.sessions.find('s', somebody), 3);
    await watcher.tasksEnded(1);
    expect([set.calls, get.calls]).to.deep.equal([[], []]);
    expect(
      watcher.seen.map((line) =>
        line.type === 'tool_result' ? [line.callId, line.result['error']] : outline([line])[0],
      ),
    ).to.deep.equal([['sent', unknownOf('set')], 'ended stopped']);
    await world.close();
  });

  it('a task that was stopped before it began never begins', async () => {
    await leaveBehind([], [], { stopping: ['task'] });
    const world = await openWorld({ databaseUrl, model: createScriptedModel([]) });
    const watcher = watch(await world.sessions.find('s', somebody), 1);
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen)).to.deep.equal(['ended stopped']);
    await world.close();
  });

  it('a call that the strategy reject refused before the crash is refused after it', async () => {
    const result: MessageBody = {
      type: 'tool_result',
      taskId: 'task',
      callId: 'a',
      result: { body: 'old' },
      roundDone: false,
    };
    await leaveBehind([started, decision(['a', 'get'], ['b', 'get']), result], [], {
      toolStrategy: 'reject',
    });
    const get = fakeTool('get', 'read', () => ({ body: 'new' }));
    const world = await openWorld({
      databaseUrl,
      model: createScriptedModel([{ text: 'ok' }]),
      tools: [get],
    });
    const watcher = watch(await world.sessions.find('s', somebody), 4);
    await watcher.tasksEnded(1);
    expect(get.calls).to.deep.equal([]);
    expect(outline(watcher.seen)[0]).to.contain('"code":"rejected"');
    await world.close();
  });

  it('a session that cannot be read does not keep the others from going on', async () => {
    await leaveBehind([]);
    const other = await connectStore({ databaseUrl, secret: 'another secret', onError: () => undefined });
    expect(String(await rejection(other.findSession('s')))).to.contain('another SECRET_KEY');
    await other.createSession(
      { id: 'a', owner: 'x', config: {} as never, createdAt: 1, expiresAt: null },
      { type: 'session_started', systemPrompt: '', seq: 1, time: 1 },
    );
    await other.enqueue('a', task, false);
    await other.close();
    const world = await openWorld({ databaseUrl, model: createScriptedModel([{ text: 'done' }]) });
    const watcher = watch(await world.sessions.find('s', somebody), 0);
    await watcher.tasksEnded(1);
    expect(world.errors.map(String)).to.include(
      'AppError: A stored configuration was sealed under another SECRET_KEY.',
    );
    await world.close();
  });

  it('results in the log stay, and only the open calls are made', async () => {
    const result: MessageBody = {
      type: 'tool_result',
      taskId: 'task',
      callId: 'a',
      result: { body: 'old' },
      roundDone: false,
    };
    await leaveBehind([started, decision(['a', 'get'], ['b', 'get']), result]);
    const get = fakeTool('get', 'read', () => ({ body: 'new' }));
    const model = createScriptedModel([{ text: 'ok' }]);
    const world = await openWorld({ databaseUrl, model, tools: [get] });
    const watcher = watch(await world.sessions.find('s', somebody), 4);
    await watcher.tasksEnded(1);
    expect(outline(watcher.seen)).to.deep.equal(['result {"body":"new"} done', 'answer ok', 'ended done']);
    expect(get.calls).to.have.length(1);
    await world.close();
  });

  it('a session that was closed in the middle of a task goes on with the next process', async () => {
    const model = createScriptedModel([{ hang: true }]);
    const before = await openWorld({ databaseUrl, model });
    const session = await before.create();
    await session.submit(say('think'));
    const watcher = watch(session, 0);
    await watcher.until(() => watcher.seen.length === 2);
    await before.close();
    expect(watcher.ended).to.equal('draining');
    expect(outline(watcher.seen)).to.deep.equal(['started', 'user think']);
    const after = await openWorld({ databaseUrl, model: createScriptedModel([{ text: 'thought' }]) });
    const again = watch(await after.sessions.find(session.id, somebody), watcher.seen.at(-1)?.seq);
    await again.tasksEnded(1);
    expect(outline(again.seen)).to.deep.equal(['answer thought', 'ended done']);
    await after.close();
  });
});

describe('a task whose database fails for a moment', () => {
  const failure = new StoreFailure('unavailable', 'The database does not answer as it should; try again.');

  /** Rejects the first time with the failure of the database. */
  function failingOnce<Value>(value: Value): () => Promise<Value> {
    let hasFailed = false;
    return () => {
      if (hasFailed) return Promise.resolve(value);
      hasFailed = true;
      return Promise.reject(failure);
    };
  }

  async function workedWith(options: Pick<Parameters<typeof openWorld>[0], 'command' | 'equip'>) {
    const set = fakeTool('set', 'write', () => ({ body: 'set' }));
    const model = createScriptedModel([{ calls: [{ name: 'set', arguments: { to: 1 } }] }, { text: 'done' }]);
    const world = await openWorld({ model, tools: [set], ...options });
    const session = await world.create(options.equip && { agent: 'app:1' });
    const watcher = watch(session, 0);
    await session.submit(say('go'));
    await watcher.tasksEnded(1);
    await world.close();
    return { log: outline(watcher.seen).slice(-4), calls: set.calls, errors: world.errors };
  }
  const goesOn = {
    log: ['calls set', 'result {"body":"set"} done', 'answer done', 'ended done'],
    calls: [{ to: 1 }],
    errors: [failure],
  };

  it('goes on from its log when the judgement of a call could not be read', async () => {
    const command = { ...freeCommand, judge: failingOnce({ kind: 'send' } as const) };
    expect(await workedWith({ command })).to.deep.equal(goesOn);
  });

  it('goes on when its equipment could not be read', async () => {
    expect(await workedWith({ equip: failingOnce({}) })).to.deep.equal(goesOn);
  });

  it('goes on when another failure hides the failure of the database', async () => {
    const hiding = failingOnce({});
    const equip = async () =>
      hiding().catch((cause: unknown) => {
        throw new AppError('unavailable', 'The agent cannot be opened.', { cause });
      });
    const { log, calls } = await workedWith({ equip });
    expect({ log, calls }).to.deep.equal({ log: goesOn.log, calls: goesOn.calls });
  });
});
