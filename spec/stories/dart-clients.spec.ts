import { expect } from 'chai';
import { openTestApp, type TestApp } from '../support/app.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';

/** The example clients of the LiteAgent Dart server: bare ids of children, nulls for all that is not set, answers as texts. */
describe('the clients of the Dart server', () => {
  const unset = { openSpecList: null, sessionList: null, taskPipelineStrategy: null, timeoutSeconds: null };
  let app: TestApp;
  let model: ModelServer;
  afterEach(async () => {
    await app.close();
    await model.close();
  });

  async function open(env: Record<string, string> = {}): Promise<void> {
    model = await startModelServer([{ text: 'Hello.' }]);
    app = await openTestApp({ baseUrl: model.baseUrl, apiKey: 'none', ...env });
  }

  it('make a session of sessions by their bare ids, and get names that say what the sessions are', async () => {
    await open();
    const lamp = {
      openapi: '3.0.0',
      info: { title: 'Reading lamp', version: '1' },
      paths: { '/on': { post: { responses: {} } } },
    };
    const children = [
      {
        ...unset,
        systemPrompt: 'You switch a lamp. Be brief.',
        openSpecList: [{ openSpec: JSON.stringify(lamp), apiKey: null }],
      },
      { ...unset, systemPrompt: '你负责温度计。请简短回答。' },
      { ...unset, systemPrompt: '' },
    ];
    const sessionList = await Promise.all(children.map(async (body) => ({ id: await app.init(body) })));
    const parent = await app.init({ ...unset, systemPrompt: 'You ask the others.', sessionList });
    const chat = await app.chat(parent);
    chat.send({ taskId: null, contentList: [{ type: 'text', message: 'Hello' }] });
    await chat.tasksEnded(1);
    await chat.close();
    const { tools } = model.requests[0]!.body as {
      tools: { function: { name: string; description: string } }[];
    };
    expect(tools.map(({ function: { name, description } }) => [name, description])).to.deep.equal([
      ['Reading_lamp', 'Ask the agent "Reading lamp". You switch a lamp.'],
      ['agent-2', 'Ask the agent "agent-2". 你负责温度计。'],
      ['agent-3', 'Ask the agent "agent-3".'],
    ]);
  });

  it('read a taskId that is a text in every envelope', async () => {
    await open();
    const id = await app.init({ ...unset, systemPrompt: 'Be kind.' });
    const chat = await app.chat(id);
    await app.get(`/api/stop?id=${id}`);
    chat.say('Hello');
    await chat.tasksEnded(2);
    await chat.close();
    const history = await app.history(id);
    expect(
      history.filter(({ taskId }) => taskId === '').map(({ from, message }) => [from, message]),
    ).to.deep.equal([
      ['system', 'Be kind.'],
      ['agent', '[TASK_STOP]'],
    ]);
    expect(history.filter(({ taskId }) => typeof taskId !== 'string')).to.deep.equal([]);
  });

  for (const [setting, type] of [
    ['application/json', 'application/json'],
    ['text/plain', 'text/plain; charset=utf-8'],
  ] as const)
    it(`get answers as ${setting} where LITEAGENT_CONTENT_TYPE says so`, async () => {
      await open({ LITEAGENT_CONTENT_TYPE: setting });
      const id = await app.init(unset);
      const answers = await Promise.all(
        ['/api/version', `/api/history?id=${id}`, `/api/stop?id=${id}`].map((path) =>
          fetch(`${app.url}${path}`),
        ),
      );
      expect(answers.map(({ headers }) => headers.get('content-type'))).to.deep.equal([type, type, type]);
      await Promise.all(answers.map((answer) => answer.json()));
      const missing = await fetch(`${app.url}/api/history?id=none`);
      expect([missing.status, missing.headers.get('content-type')]).to.deep.equal([
        404,
        'application/problem+json',
      ]);
      await missing.body?.cancel();
    });
});
