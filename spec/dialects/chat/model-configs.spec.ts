import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import type { AccountTables } from '../../../lib/accounts/schema.ts';
import {
  makeConfig,
  makeConversation,
  onBothEngines,
  password,
  registerUser,
  type ChatUser,
  type ChatWorld,
} from '../../support/chat-world.ts';

const config = {
  name: 'Mine',
  base_url: 'https://api.example.com/v1',
  model_name: 'gpt-test',
  api_key: 'sk-secret-0123451d9a',
  params: { temperature: 0.3, seed: 7 },
};
const shown = { ...config, api_key: 'sk-…1d9a' };

onBothEngines('the model configurations of the chat dialect', (open) => {
  let world: ChatWorld;
  let user: ChatUser;
  before(async () => {
    world = await open();
  });
  beforeEach(async () => {
    user = await registerUser(world);
  });
  after(() => world.close());

  const post = (path: string, body: unknown, token = user.access) =>
    world.call('POST', `/model_config/${path}`, { token, body });
  const list = async (token = user.access) =>
    (await world.ok<{ configs: object[] }>(200, 'GET', '/model_config', { token })).configs;

  it('are made and listed, their keys masked', async () => {
    const made = await post('create', config);
    expect(made.status).to.equal(201);
    const { config_id: id } = made.body as { config_id: number };
    expect(id).to.be.a('number');
    expect(made.body).to.deep.equal({ config_id: id, ...shown });
    expect(await list()).to.deep.equal([{ config_id: id, ...shown }]);
    const { params: _, ...bare } = config;
    expect((await post('create', { ...bare, api_key: 'short' })).body).to.include({ api_key: '…' });
    expect((await list()).at(-1)).to.deep.include({ params: {} });
  });

  it('keep their keys sealed at rest', async () => {
    await post('create', config);
    const rows = await world.sql<{ model_configs: { api_key: string } }, { api_key: string }[]>((db) =>
      db.selectFrom('model_configs').select('api_key').execute(),
    );
    expect(rows.length).to.be.above(0);
    for (const row of rows) expect(row.api_key).to.match(/^v1\./);
    const file = await readFile(join(world.folder, 'chat.db')).catch(() => Buffer.from(''));
    expect(file.includes('sk-secret')).to.equal(false);
  });

  it('are changed; the masked key means the key as it is', async () => {
    const id = await makeConfig(world, user);
    const changed = await post('update', {
      ...shown,
      name: 'Yours',
      config_id: id,
      base_url: world.model.baseUrl,
    });
    expect([changed.status, changed.body]).to.deep.equal([202, {}]);
    expect(await list()).to.deep.equal([
      { config_id: id, ...shown, name: 'Yours', base_url: world.model.baseUrl },
    ]);
    world.steps.push({ text: 'Hi.' });
    const conversation = await makeConversation(world, user, id);
    const messages = [{ role: 'user', content: 'Hello' }];
    await world.ok(200, 'POST', '/chat/send', {
      token: user.access,
      body: { conversation_id: conversation, messages, model_config_id: id },
    });
    const request = world.model.requests.at(-1)!;
    expect(request.headers.authorization).to.equal('Bearer sk-secret-0123451d9a');
    expect(request.body).to.include({ model: 'gpt-test', temperature: 0.3, seed: 7 });
  });

  it('keep the key of a mask where only the final slash of the base URL differs', async () => {
    const id = await makeConfig(world, user);
    const conversation = await makeConversation(world, user);
    const messages = [{ role: 'user', content: 'Hello' }];
    for (const base_url of [`${world.model.baseUrl}/`, world.model.baseUrl]) {
      const { name: _name, params: _params, ...masked } = { ...shown, base_url };
      world.steps.push({ text: 'Hi.' });
      await world.ok(200, 'POST', '/chat/send', {
        token: user.access,
        body: { conversation_id: conversation, messages, ...masked },
      });
      expect(world.model.requests.at(-1)!.headers.authorization).to.equal('Bearer sk-secret-0123451d9a');
      expect((await post('update', { ...shown, config_id: id, base_url })).status).to.equal(202);
    }
    const other = { ...shown, config_id: id, base_url: `${world.model.baseUrl}/other` };
    expect((await post('update', other)).status).to.equal(422);
  });

  it('do not send a stored key to another endpoint', async () => {
    const id = await makeConfig(world, user);
    const away = { ...shown, config_id: id, base_url: 'https://evil.example/v1' };
    expect((await post('update', away)).status).to.equal(422);
    expect((await post('update', { ...away, api_key: 'sk-new-0123456789' })).status).to.equal(202);
  });

  it('are removed, all or none', async () => {
    const [one, two] = [await makeConfig(world, user), await makeConfig(world, user)];
    const conversation = await makeConversation(world, user, one);
    expect((await post('delete', { ids: [one, two + 1000] })).status).to.equal(404);
    expect(await list()).to.have.length(2);
    const gone = await post('delete', { ids: [one, two, one] });
    expect([gone.status, gone.body]).to.deep.equal([204, '']);
    expect(await list()).to.deep.equal([]);
    expect((await post('delete', { ids: [] })).status).to.equal(204);
    const { conversations } = await world.ok<{ conversations: object[] }>(200, 'GET', '/conversation', {
      token: user.access,
    });
    expect(conversations[0]).to.include({ conversation_id: conversation, model_config_id: null });
  });

  it('of somebody else are not there', async () => {
    const other = await registerUser(world);
    const id = await makeConfig(world, other);
    expect(await list()).to.deep.equal([]);
    for (const answer of [
      await post('update', { ...config, config_id: id }),
      await post('delete', { ids: [id] }),
      await world.call('POST', '/conversation/create', { token: user.access, body: { model_config_id: id } }),
    ])
      expect([answer.status, Object.keys(answer.body as object)]).to.deep.equal([404, ['detail']]);
    expect(await list(other.access)).to.have.length(1);
  });

  it('are three at most, also when many are made at once', async () => {
    const can = async (count: number) => (await post('can_create', { config_count: count })).body;
    expect(await can(2)).to.deep.equal({ can_create: true, limit: 3 });
    expect(await can(3)).to.deep.equal({ can_create: false, limit: 3 });
    const made = await Promise.all(Array.from({ length: 20 }, () => post('create', config)));
    const count = (wanted: number) => made.filter(({ status }) => status === wanted).length;
    expect([count(201), count(403)]).to.deep.equal([3, 17]);
    expect(await list()).to.have.length(3);
    expect(await can(0)).to.deep.equal({ can_create: false, limit: 3 });
    expect(((await post('create', config)).body as { detail: string }).detail).to.match(/limit/);
  });

  it('are as many as wanted with the scope for it', async () => {
    await world.sql<AccountTables, unknown>((db) =>
      db
        .updateTable('users')
        .set({ scopes: 'other add_more_model_config' })
        .where('email', '=', user.email)
        .execute(),
    );
    const { email } = user;
    const again = await world.ok<{ access_token: string }>(200, 'POST', '/user/login', {
      body: { email, password },
    });
    expect(jwt.decode(again.access_token)).to.include({ scope: 'other add_more_model_config' });
    for (let count = 0; count < 4; count += 1) expect((await post('create', config)).status).to.equal(201);
    expect((await post('can_create', { config_count: 9 })).body).to.deep.equal({
      can_create: true,
      limit: null,
    });
  });

  it('must make sense', async () => {
    for (const bad of [
      { name: '' },
      { name: 'a\u0000b' },
      { base_url: 'ftp://x' },
      { base_url: 'https://user:pass@x.example' },
      { base_url: 'https://' },
      { base_url: undefined },
      { api_key: 'with space' },
      { params: [] },
      { params: { temperature: 'hot' } },
      { params: { stream: false } },
      { params: { 'a.b*(': 1 } },
    ]) {
      const answer = await post('create', { ...config, ...bad });
      expect([answer.status, Object.keys(answer.body as object)], JSON.stringify(bad)).to.deep.equal([
        422,
        ['detail'],
      ]);
    }
    expect((await post('can_create', { config_count: -1 })).status).to.equal(422);
    expect((await post('update', config)).status).to.equal(422);
    expect((await post('delete', { ids: ['1'] })).status).to.equal(422);
    expect((await world.call('GET', '/model_config')).status).to.equal(401);
  });
});
