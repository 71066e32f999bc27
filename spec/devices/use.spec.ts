import { expect } from 'chai';
import { codedFault } from '../../lib/common/coded-fault.ts';
import type { JsonObject } from '../../lib/common/json.ts';
import { openTestApp, type Chat, type Envelope, type TestApp } from '../support/app.ts';
import type { HttpDevice } from '../support/http-device.ts';
import { lampDocument, openLamp } from '../support/lamp.ts';
import { startModelServer, type ModelServer, type ModelServerStep } from '../support/model-server.ts';
import { openThreadServer } from '../support/threads.ts';
import { waitFor } from '../support/wait-for.ts';

const callOf = (brightness: number): ModelServerStep => ({
  calls: [{ name: 'set_brightness', arguments: { brightness } }],
});

describe('a session that uses a device by its name', () => {
  let app: TestApp;
  let lamp: HttpDevice & { registration(name: string): JsonObject };
  let model: ModelServer | undefined;
  beforeEach(async () => {
    lamp = await openLamp();
    app = await openTestApp();
    await app.post('/api/devices', lamp.registration('desk'));
  });
  afterEach(async () => {
    await app.close();
    await lamp.close();
    await model?.close();
  });

  const openSession = async (
    steps: ModelServerStep[],
    more: JsonObject = { devices: ['desk'] },
  ): Promise<Chat> => {
    model = await startModelServer(steps);
    const llmConfig = { baseUrl: model.baseUrl, apiKey: 'sk-x', model: 'gpt-4o' };
    return app.chat(await app.init({ llmConfig, ...more }));
  };
  const put = async (definition: JsonObject): Promise<number> => {
    const answer = await fetch(`${app.url}/api/devices/desk`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(definition),
    });
    return answer.status;
  };
  const results = (chat: Chat): JsonObject[] =>
    chat.seen
      .filter(({ from, type }) => from === 'tool' && type === 'toolReturn')
      .map(({ message }) => (message as { result: JsonObject }).result);

  it('moves it with the key that the server keeps', async () => {
    const chat = await openSession([callOf(40), { text: 'Done.' }]);
    chat.say('Set it to 40.');
    await chat.tasksEnded(1);
    expect(lamp.seen.map(({ method, url, headers }) => [method, url, headers.authorization])).to.deep.equal([
      ['PUT', '/brightness?brightness=40', 'Bearer lamp-key-0123456789'],
    ]);
    const { body } = await app.get('/api/devices/desk');
    expect((body as { state: JsonObject }).state).to.deep.include({ reachable: true, lastError: null });
  });

  it('uses the version that is current when a task begins', async () => {
    const other = await openLamp();
    const chat = await openSession([callOf(1), { text: 'A.' }, callOf(2), { text: 'B.' }]);
    chat.say('One.');
    await chat.tasksEnded(1);
    expect(await put({ ...lamp.registration('desk'), server: other.url })).to.equal(200);
    chat.say('Two.');
    await chat.tasksEnded(2);
    const [first, second] = [lamp.seen.length, other.seen.length];
    await other.close();
    expect([first, second]).to.deep.equal([1, 1]);
  });

  for (const [what, change, words] of [
    [
      'removed',
      () => fetch(`${app.url}/api/devices/desk`, { method: 'DELETE' }),
      'The device "desk" was removed.',
    ],
    [
      'disabled',
      () => put({ ...lamp.registration('desk'), enabled: false }),
      'The device "desk" is disabled.',
    ],
  ] as const)
    it(`gets device_disabled for calls of a device that was ${what}`, async () => {
      const chat = await openSession([callOf(1), { text: 'A.' }, callOf(2), { text: 'B.' }]);
      chat.say('One.');
      await chat.tasksEnded(1);
      await change();
      chat.say('Two.');
      await chat.tasksEnded(2);
      expect(results(chat)[1]).to.deep.equal({
        error: { code: 'device_disabled', message: words, effect: 'none' },
      });
      expect(lamp.seen.length).to.equal(1);
    });

  it('is refused the call of a device that is disabled while the task runs', async () => {
    const chat = await openSession([
      callOf(1),
      {
        answer: async (response) => {
          await put({ ...lamp.registration('desk'), enabled: false });
          response.writeHead(500).end();
        },
      },
      callOf(2),
      { text: 'B.' },
    ]);
    chat.say('One.');
    await chat.tasksEnded(1);
    expect(results(chat).map(({ error }) => (error as JsonObject | undefined)?.['code'])).to.deep.equal([
      undefined,
      'device_disabled',
    ]);
  });

  it('may choose some of its operations, and never more than the device offers', async () => {
    await app.post('/api/devices', { ...lamp.registration('read-only'), include: { methods: ['GET'] } });
    const offered = async (use: JsonObject): Promise<string[]> => {
      const chat = await openSession([{ text: 'Hi.' }], { devices: [use] });
      chat.say('Hi.');
      await chat.tasksEnded(1);
      const { tools = [] } = model!.requests[0]!.body as { tools?: { function: { name: string } }[] };
      await model!.close();
      return tools.map((tool) => tool.function.name);
    };
    expect(await offered({ name: 'desk', include: { paths: ['/bright*'] } })).to.deep.equal([
      'set_brightness',
    ]);
    expect(await offered({ name: 'desk', exclude: { paths: ['/bright*'] } })).to.deep.equal(['get_state']);
    expect(await offered({ name: 'read-only', exclude: { tags: ['other'] } })).to.deep.equal(['get_state']);
    const { status, body } = await app.post('/api/init', {
      devices: [{ name: 'read-only', include: { methods: ['PUT'] } }],
    });
    expect([status, (body as JsonObject)['detail']]).to.deep.equal([
      400,
      'The document at /devices/0 cannot be used: It has no operation that can be called.',
    ]);
  });

  it('is not opened with names that are no devices, and with rules that have faults', async () => {
    const { status, body } = await app.post('/api/init', {
      devices: ['desk', 'dusk', { name: 'gone' }],
      rules: { calls: [{ decision: 'never' }] },
    });
    expect([status, (body as JsonObject)['errors']]).to.deep.equal([
      400,
      [codedFault('/rules/calls/0/decision', 'must_be', { wanted: 'allow, ask, deny or dry_run' })],
    ]);
    const unknown = await app.post('/api/init', { devices: ['desk', 'dusk', { name: 'gone' }] });
    expect((unknown.body as JsonObject)['errors']).to.deep.equal([
      { pointer: '/devices/1', detail: 'there is no device "dusk"' },
      { pointer: '/devices/2', detail: 'there is no device "gone"' },
    ]);
  });
});

describe('a server with DOCUMENTS=registered', () => {
  it('takes documents of admins only, and says why', async () => {
    const server = await openThreadServer({ AUTH: 'required', DOCUMENTS: 'registered' });
    try {
      const body = { openSpecList: [{ openSpec: lampDocument }] };
      const user = await server.caller('ann');
      const admin = await server.caller('root', 'admin');
      const refused = await user.call('POST', '/api/init', body);
      expect([refused.status, (refused.body as JsonObject)['detail']]).to.deep.equal([
        403,
        'This server takes documents of admins only (DOCUMENTS=registered): name its devices in "devices" instead of openSpecList.',
      ]);
      const { id } = (
        (await user.call('POST', '/apps', { name: 'a', icon: 'https://a.example/i.png' })).body as {
          data: { id: string };
        }
      ).data;
      const draft = { model_config: { dialog_round: 1, ...body }, memory_mode: 'none' };
      expect((await user.call('POST', `/apps/${id}/config`, draft)).status).to.equal(403);
      expect((await admin.call('POST', '/api/init', body)).status).to.equal(200);
      await admin.call('POST', '/api/devices', { name: 'desk', openSpec: lampDocument });
      expect((await user.call('POST', '/api/init', { devices: ['desk'] })).status).to.equal(200);
    } finally {
      await server.close();
    }
  });
});

describe('an app that uses a device by its name', () => {
  it('moves it, and cannot be saved with a name that is no device', async () => {
    const server = await openThreadServer({ AUTH: 'required' });
    const lamp = await openLamp();
    const model = await startModelServer([callOf(7), { text: 'Done.' }]);
    try {
      const admin = await server.caller('root', 'admin');
      const ann = await server.caller('ann');
      await admin.call('POST', '/api/devices', lamp.registration('desk'));
      const made = await ann.call('POST', '/apps', { name: 'app', icon: 'https://a.example/i.png' });
      const { id } = (made.body as { data: { id: string } }).data;
      const draftOf = (device: string) => ({
        model_config: {
          dialog_round: 1,
          llmConfig: { baseUrl: model.baseUrl, apiKey: 'sk-0123456789ab', model: 'gpt-4o' },
          devices: [device],
        },
        memory_mode: 'none',
      });
      const refused = await ann.call('POST', `/apps/${id}/config`, draftOf('dusk'));
      expect(refused.body).to.deep.include({ message: 'model_config.devices.0 there is no device "dusk"' });
      expect((await ann.call('POST', `/apps/${id}/config`, draftOf('desk'))).status).to.equal(200);
      const shown = (await ann.call('GET', `/apps/${id}`)).body as { data: { draft_app_config?: unknown } };
      expect(JSON.stringify(shown)).to.include('"devices":[{"name":"desk"}]');
      await ann.call('POST', `/apps/${id}/debug`, { query: 'Set it to 7.' });
      expect(lamp.seen.map(({ url }) => url)).to.deep.equal(['/brightness?brightness=7']);
    } finally {
      await server.close();
      await model.close();
      await lamp.close();
    }
  });
});

describe('a session of a user who may not use its device any more', () => {
  it('gets a task that fails and says so, and moves nothing', async () => {
    const server = await openThreadServer({ AUTH: 'required' });
    const lamp = await openLamp();
    const model = await startModelServer([callOf(1), { text: 'A.' }]);
    try {
      const admin = await server.caller('root', 'admin');
      const ann = await server.caller('ann');
      await admin.call('POST', '/api/devices', { ...lamp.registration('desk'), users: ['ann'] });
      const llmConfig = { baseUrl: model.baseUrl, apiKey: 'sk-x', model: 'gpt-4o' };
      const made = await ann.call('POST', '/api/init', { llmConfig, devices: ['desk'] });
      const { id } = made.body as { id: string };
      const say = () =>
        ann.call('POST', `/v1/threads/thread_${id.replaceAll('-', '')}/messages?run=true`, {
          role: 'user',
          content: 'Set it.',
        });
      const ends = async (): Promise<unknown[]> => {
        const history = (await ann.call('GET', `/api/history?id=${id}`)).body as Envelope[];
        return history.flatMap(({ to, message, error }) =>
          to === 'client' && /TASK_(DONE|STOP)/.test(String(message)) ? [error?.message ?? 'done'] : [],
        );
      };
      await say();
      await waitFor(async () => (await ends()).length === 1);
      await admin.call('PUT', '/api/devices/desk', { ...lamp.registration('desk'), users: ['bob'] });
      await say();
      await waitFor(async () => (await ends()).length === 2);
      expect(await ends()).to.deep.equal(['done', 'There is no device "desk".']);
      expect(lamp.seen.length).to.equal(1);
    } finally {
      await server.close();
      await model.close();
      await lamp.close();
    }
  });
});
