import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  lampDocument as lamp,
  openLlmops,
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

  it('sends created_at=0 for no filter', async () => {
    const one = await test.client();
    const app = await one.newApp();
    for (const query of ['', '?created_at=0', '?created_at=0&current_page=1&page_size=20']) {
      const { list } = (await one.get(`/apps${query}`)).data as { list: { id: string }[] };
      expect(list.map(({ id }) => id)).to.deep.equal([app]);
    }
  });
});
