import { expect } from 'chai';
import type { Model } from '../../../lib/core/model.ts';
import type { AgentMessage } from '../../../lib/dialects/liteagent/envelope.ts';
import { createScriptedModel } from '../../../lib/models/scripted.ts';
import { openTestServer, type TestServer, type TestSocket } from '../../support/test-server.ts';
import { fakeTool, openWorld, type World } from '../../support/world.ts';

/** The dialect over the core's own sessions and SQLite; only the model and the device are scripted. */
describe('the LiteAgent socket over real sessions', () => {
  let world: World;
  let server: TestServer;

  async function open(model: Model, limits = {}): Promise<void> {
    world = await openWorld({
      model,
      tools: [fakeTool('set', 'write', () => ({ statusCode: 200, body: 'ok' }))],
    });
    server = await openTestServer({ over: world.sessions, limits });
  }
  afterEach(async () => {
    server.drain();
    await world.close();
    await server.close();
    expect(world.errors).to.deep.equal([]);
  });

  async function init(body: object = {}): Promise<string> {
    const response = await server.call('/api/init', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return ((await response.json()) as { id: string }).id;
  }

  const connect = (id: string, query = ''): Promise<TestSocket> =>
    server.connect(`/api/chat?id=${id}${query}`).open();
  const say = (socket: TestSocket, text: string, more: object = {}): void =>
    socket.ws.send(JSON.stringify({ contentList: [{ type: 'text', message: text }], ...more }));
  const brief = (frames: readonly string[]): string[] =>
    frames.map((frame) => {
      const { from, to, type, message, code, part } = JSON.parse(frame) as AgentMessage &
        Record<string, string>;
      if (from === undefined) return `${type} ${part ?? code ?? ''}`.trim();
      return `${from} ${to} ${type}${typeof message === 'string' ? ` ${message}` : ''}`;
    });

  it('shows a turn in order, with chunks before the whole text and the ack that was asked for', async () => {
    await open(
      createScriptedModel([
        { text: 'Let me see.', calls: [{ name: 'set', arguments: { to: 1 } }] },
        { text: 'It is set.' },
      ]),
    );
    const id = await init({ systemPrompt: 'Be kind.' });
    const socket = await connect(id);
    say(socket, 'set it', { stream: true, ack: true });
    const frames = await socket.take(21);
    expect(brief(frames).filter((line) => line !== 'ack')).to.deep.equal([
      'agent client text [TASK_START]',
      'user agent contentList',
      'agent llm contentList',
      'chunk Let',
      'chunk me',
      'chunk see.',
      'llm agent text Let me see.',
      'llm agent functionCallList',
      'agent tool functionCallList',
      'agent client text [TOOLS_START]',
      'tool agent toolReturn',
      'agent llm toolReturn',
      'tool agent text [TOOLS_DONE]',
      'agent client text [TOOLS_DONE]',
      'chunk It',
      'chunk is',
      'chunk set.',
      'llm agent text It is set.',
      'agent user text It is set.',
      'agent client text [TASK_DONE]',
    ]);
    const pushed = frames.filter((frame) => frame.includes('"seq"') && !frame.includes('"ack"'));
    const history = await (await server.call(`/api/history?id=${id}`)).json();
    expect((history as unknown[]).slice(1)).to.deep.equal(
      pushed.map((frame) => JSON.parse(frame) as unknown),
    );
    for (const [at, frame] of pushed.entries()) {
      const again = await connect(id, `&since=${(JSON.parse(frame) as AgentMessage).seq}`);
      expect(await again.take(pushed.length - at - 1)).to.deep.equal(pushed.slice(at + 1));
      again.ws.terminate();
    }
  });

  for (const reasoning of [true, false])
    it(`shows thinking text ${reasoning ? 'in frames of its own' : 'to nobody who did not ask for it'}`, async () => {
      await open(
        createScriptedModel([
          (_request, { onReasoning }) => {
            onReasoning?.('Hm, ');
            onReasoning?.('on.');
            return { text: 'It is on.' };
          },
        ]),
      );
      const id = await init(reasoning ? { reasoning } : {});
      const socket = await connect(id);
      say(socket, 'Is it on?', { stream: true });
      const frames = brief(await socket.take(reasoning ? 11 : 9));
      const thoughts = reasoning ? ['reasoning Hm,', 'reasoning on.'] : [];
      expect(frames.slice(3, -3)).to.deep.equal([...thoughts, 'chunk It', 'chunk is', 'chunk on.']);
      const history = (await (await server.call(`/api/history?id=${id}`)).json()) as unknown[];
      expect(JSON.stringify(history)).to.not.contain('Hm, ');
    });

  it('says that a position is beyond the end of the log, and goes on live', async () => {
    await open(createScriptedModel([{ text: 'on' }]));
    const id = await init();
    for (const since of [16, 23, 80]) {
      const socket = await connect(id, `&since=${since}`);
      expect(JSON.parse((await socket.take(1))[0]!)).to.include({ type: 'error', code: 'position_unknown' });
      if (since < 80) continue;
      say(socket, 'set it');
      expect(brief(await socket.take(7)).slice(1, 2)).to.deep.equal(['agent client text [TASK_START]']);
    }
  });

  it('catches a slow reader up from the store', async function () {
    this.timeout(20_000);
    const text = 'x'.repeat(300_000);
    await open(createScriptedModel(Array.from({ length: 40 }, () => ({ text }))), {
      socketBufferMaxBytes: 100_000,
    });
    const id = await init();
    const [slow, fast] = [await connect(id), await connect(id)];
    slow.ws.pause();
    for (let turn = 1; turn <= 40; turn += 1) {
      say(fast, String(turn));
      await fast.take(turn * 6);
    }
    slow.ws.resume();
    expect(await slow.take(240)).to.deep.equal(fast.frames);
  });

  it('takes the same task once, and refuses another content or a busy session', async () => {
    await open(createScriptedModel([{ hang: true }]));
    const id = await init({ taskPipelineStrategy: 'reject' });
    const socket = await connect(id);
    say(socket, 'one', { taskId: 't1' });
    await socket.take(3);
    say(socket, 'one', { taskId: 't1', ack: true });
    say(socket, 'another', { taskId: 't1' });
    say(socket, 'two', { taskId: 't2' });
    const frames = (await socket.take(6))
      .slice(3)
      .map((frame) => JSON.parse(frame) as Record<string, unknown>);
    expect(frames.map(({ type, code, taskId }) => [type, code, taskId])).to.have.deep.members([
      ['ack', undefined, 't1'],
      ['error', 'conflict', 't1'],
      ['error', 'task_rejected', 't2'],
    ]);
    expect((await server.call(`/api/stop?id=${id}`)).status).to.equal(200);
    expect(brief((await socket.take(7)).slice(6))).to.deep.equal(['agent client text [TASK_STOP]']);
  });

  it('is closed with 1000 by /clear, and with 4408 when the session expires and its id is removed', async () => {
    await open(createScriptedModel([]));
    const id = await init({ timeoutSeconds: 0.3 });
    const socket = await connect(id);
    expect((await server.call(`/api/clear?id=${id}`)).status).to.equal(200);
    expect((await socket.closed).code).to.equal(1000);
    const again = await connect(id);
    expect((await again.closed).code).to.equal(4408);
    expect((await server.call(`/api/history?id=${id}`)).status).to.equal(404);
  });

  it('is closed with 1012 when the server goes down, after the end of the running task', async () => {
    await open(createScriptedModel([{ hang: true }]));
    const id = await init();
    const socket = await connect(id);
    say(socket, 'wait');
    await socket.take(3);
    server.drain();
    await world.sessions.close();
    expect((await socket.closed).code).to.equal(1012);
  });
});
