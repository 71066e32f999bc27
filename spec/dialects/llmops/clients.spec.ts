import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  lampDocument as lamp,
  openLlmops,
  operatorToken,
  type LlmopsClient,
  type LlmopsUnderTest,
} from '../../support/llmops.ts';

describe('a client of LLMOps', () => {
  let test: LlmopsUnderTest;
  let client: LlmopsClient;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-llmops-'));
    test = await openLlmops(`sqlite:${join(folder, 'apps.db')}`);
    client = await test.client();
  });
  after(async () => {
    await test.close();
    await rm(folder, { recursive: true, force: true });
  });

  const save = (app: string, openSpecList: object[]) =>
    client.post(`/apps/${app}/config`, { model_config: test.config({ openSpecList }), memory_mode: 'none' });

  it('is told when it saves a document that cannot be used, and the draft stays', async () => {
    const app = await client.newApp(test.config({ openSpecList: [{ openSpec: lamp }] }));
    const before = (await client.get(`/apps/${app}`)).data;
    for (const openSpec of ['nonsense', '{}', 'http://169.254.169.254/latest/meta-data']) {
      const answer = await save(app, [{ openSpec: lamp }, { openSpec }]);
      expect([answer.status, answer.code], openSpec).to.deep.equal([400, 'validate_error']);
      expect(
        Object.keys(answer.data).every((field) => field.startsWith('model_config.openSpecList.1')),
      ).to.equal(true, JSON.stringify(answer));
    }
    expect((await client.get(`/apps/${app}`)).data).to.deep.equal(before);
    expect((await save(app, [{ openSpec: lamp }])).code).to.equal('success');
    expect((await client.post(`/apps/${app}/publish`)).code).to.equal('success');
  });

  it('is told the place in its model_config when a device is gone before it publishes or goes back', async () => {
    const operator = test.clientWith(operatorToken);
    const put = (path: string, init: RequestInit) =>
      operator.call(path, { headers: { 'content-type': 'application/json' }, ...init });
    const body = JSON.stringify({ name: 'gone', openSpec: lamp });
    expect((await put('/api/devices', { method: 'POST', body })).status).to.equal(201);
    const app = await client.newApp(test.config({ devices: ['gone'] }));
    expect((await client.post(`/apps/${app}/publish`)).code).to.equal('success');
    const { data } = await client.get(`/apps/${app}/publish-histories`);
    const [{ id }] = data['list'] as [{ id: string }];
    expect((await put('/api/devices/gone', { method: 'DELETE' })).status).to.equal(204);
    for (const [path, sent] of [
      ['publish', undefined],
      ['fallback-history', { app_config_version_id: id }],
    ] as const) {
      const answer = await client.post(`/apps/${app}/${path}`, sent);
      expect([answer.code, Object.keys(answer.data)], path).to.deep.equal([
        'validate_error',
        ['model_config.devices.0'],
      ]);
    }
  });

  it('renames an app, and keeps the fields that it does not send', async () => {
    const app = await client.newApp();
    const { name, updated_at: _, ...rest } = (await client.get(`/apps/${app}`)).data;
    expect(await client.post(`/apps/${app}`, { name: 'Lamps', icon: null })).to.deep.include({
      code: 'success',
      data: {},
    });
    const { updated_at: __, ...renamed } = (await client.get(`/apps/${app}`)).data;
    expect(renamed).to.deep.equal({ ...rest, name: 'Lamps' });
    expect(name).to.not.equal('Lamps');
    expect((await client.post(`/apps/${app}`, { name: 'x'.repeat(41) })).code).to.equal('validate_error');
    expect((await (await test.client()).post(`/apps/${app}`, { name: 'Mine' })).code).to.equal('forbidden');
  });

  it('copies an app with its draft and its keys', async () => {
    const app = await client.newApp(test.config({ systemPrompt: 'You are a lamp.' }));
    await client.post(`/apps/${app}`, { name: 'L'.repeat(40) });
    const made = await client.post(`/apps/${app}/copy`);
    const copy = made.data['id'] as string;
    const [one, two] = [(await client.get(`/apps/${app}`)).data, (await client.get(`/apps/${copy}`)).data];
    const draftOf = (shown: Record<string, unknown>) =>
      (shown['drafted_app_config'] as { model_config: object }).model_config;
    expect(draftOf(two)).to.deep.equal(draftOf(one));
    expect([two['name'], two['published_app_config'], two['debug_conversation_id']]).to.deep.equal([
      `${'L'.repeat(33)} (copy)`,
      null,
      null,
    ]);
    test.script.push({ text: 'On.' });
    expect((await client.ask(copy, 'Light')).data).to.include({ answer: 'On.' });
    expect((await (await test.client()).post(`/apps/${app}/copy`)).code).to.equal('forbidden');
  });

  it('lists the published versions of an app, and goes back to one', async () => {
    const app = await client.newApp();
    const draft = async (): Promise<Record<string, unknown>> => {
      const shown = (await client.get(`/apps/${app}`)).data['drafted_app_config'];
      return (shown as { model_config: Record<string, unknown> }).model_config;
    };
    const history = async (query = '') => {
      const { list, paginator } = (await client.get(`/apps/${app}/publish-histories${query}`)).data as {
        list: { id: string; version: number; created_at: number }[];
        paginator: object;
      };
      return { versions: list.map(({ version }) => version), ids: list.map(({ id }) => id), paginator };
    };
    expect((await history()).versions).to.deep.equal([]);
    for (const systemPrompt of ['One.', 'Two.', 'Three.']) {
      await client.post(`/apps/${app}/config`, {
        model_config: test.config({ systemPrompt }),
        memory_mode: 'none',
      });
      expect((await client.post(`/apps/${app}/publish`)).code).to.equal('success');
    }
    const all = await history();
    expect(all.versions).to.deep.equal([3, 2, 1]);
    const published = (await client.get(`/apps/${app}`)).data['published_app_config_id'];
    expect(all.ids[0]).to.equal(published);
    expect(await history('?page_size=2&current_page=2&created_at=0')).to.deep.equal({
      versions: [1],
      ids: [all.ids[2]],
      paginator: { current_page: 2, page_size: 2, total_page: 2, total_record: 3 },
    });
    const back = { app_config_version_id: all.ids[2] };
    expect((await client.post(`/apps/${app}/fallback-history`, back)).code).to.equal('success');
    expect((await draft())['systemPrompt']).to.equal('One.');
    expect((await client.get(`/apps/${app}`)).data['published_app_config_id']).to.equal(published);
    test.script.push({ text: 'On.' });
    expect((await client.ask(app, 'Light')).data).to.include({ answer: 'On.' }); // with its key
    await client.post(`/apps/${app}/publish/cancel`);
    expect((await history()).versions).to.deep.equal([3, 2, 1]);
    const unknown = { app_config_version_id: 'none' };
    expect((await client.post(`/apps/${app}/fallback-history`, unknown)).code).to.equal('not_found');
    const stranger = await test.client();
    expect((await stranger.get(`/apps/${app}/publish-histories`)).code).to.equal('forbidden');
    expect((await stranger.post(`/apps/${app}/fallback-history`, back)).code).to.equal('forbidden');
  });

  it('sends created_at=0 for no filter', async () => {
    const one = await test.client();
    const app = await one.newApp();
    for (const query of ['', '?created_at=0', '?created_at=0&current_page=1&page_size=20']) {
      const { list } = (await one.get(`/apps${query}`)).data as { list: { id: string }[] };
      expect(list.map(({ id }) => id)).to.deep.equal([app]);
    }
  });

  it('is not told the host of the endpoint that refuses an app', async () => {
    const app = await client.newApp(test.config());
    const message = `bad key for ${test.model.baseUrl}`;
    test.script.push({ status: 401, body: { error: { message } } });
    expect(await client.ask(app, 'Hi')).to.deep.equal({
      status: 400,
      code: 'fail',
      data: {},
      message: 'the model endpoint answered 401: bad key for http://the endpoint/v1; check apiKey',
    });
  });

  it('uses a published app, in conversations of their own, as a whole and as events', async () => {
    const app = await client.newApp(test.config({ dialog_round: 5, systemPrompt: 'You are version one.' }));
    expect(await client.post(`/apps/${app}/chat`, { query: 'Hi' })).to.deep.include({
      status: 400,
      code: 'fail',
      message: 'The app is not published: send POST /apps/:app_id/publish.',
    });
    await client.post(`/apps/${app}/publish`);
    const two = test.config({ dialog_round: 5, systemPrompt: 'You are version two.' });
    await client.post(`/apps/${app}/config`, { model_config: two, memory_mode: 'none' });
    const before = test.model.requests.length;
    test.script.push({ text: 'One.' }, { text: 'Two.' }, { text: 'Three.' });
    const first = await client.post(`/apps/${app}/chat`, {
      query: 'first',
      conversation_id: null,
      user: 'ann',
    });
    const id = first.data['conversation_id'] as string;
    expect(first.data).to.include({ query: 'first', answer: 'One.' });
    const events = await client.call(`/apps/${app}/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: 'second', conversation_id: id }),
    });
    expect(await events.text()).to.match(/event: message\ndata: .*"answer":"Two\."/);
    const other = await client.post(`/apps/${app}/chat`, { query: 'third', user: 'bob' });
    expect(other.data['conversation_id']).to.not.equal(id);
    const asked = test.model.requests.slice(before).map(({ body }) => JSON.stringify(body['messages']));
    expect(asked.every((one) => one.includes('version one') && !one.includes('version two'))).to.equal(true);
    expect([asked[1]!.includes('first'), asked[2]!.includes('first')]).to.deep.equal([true, false]);
    const { list } = (await client.get(`/apps/${app}/conversations?created_at=0`)).data as {
      list: { id: string }[];
    };
    expect(list.map((one) => ({ ...one, created_at: 0 }))).to.deep.equal([
      { id: other.data['conversation_id'], user: 'bob', created_at: 0 },
      { id, user: 'ann', created_at: 0 },
    ]);
    const elsewhere = await client.newApp(test.config());
    await client.post(`/apps/${elsewhere}/publish`);
    expect(
      (await client.post(`/apps/${elsewhere}/chat`, { query: 'Hi', conversation_id: id })).code,
    ).to.equal('not_found');
    const stranger = await test.client();
    expect((await stranger.post(`/apps/${app}/chat`, { query: 'Hi' })).code).to.equal('forbidden');
    expect((await stranger.get(`/apps/${app}/conversations`)).code).to.equal('forbidden');
  });
});
