import { expect } from 'chai';
import {
  makeConfig,
  makeConversation,
  onBothEngines,
  registerUser,
  type ChatUser,
  type ChatWorld,
} from '../../support/chat-world.ts';

interface Conversation {
  conversation_id: number;
  title: string | null;
  update_at: string;
  model_config_id: number | null;
}

onBothEngines('the conversations of the chat dialect', (open) => {
  let world: ChatWorld;
  let user: ChatUser;
  before(async () => {
    world = await open();
  });
  beforeEach(async () => {
    user = await registerUser(world);
    world.steps.length = world.model.requests.length;
  });
  after(() => world.close());

  const list = async () =>
    (
      await world.ok<{ conversations: Conversation[] }>(200, 'GET', '/conversation', {
        token: user.access,
      })
    ).conversations;
  const title = (body: object, token = user.access) =>
    world.call('POST', '/conversation/generate_title', { token, body });

  it('are made and listed, the last used first', async () => {
    const config = await makeConfig(world, user);
    const made = await world.call('POST', '/conversation/create', {
      token: user.access,
      body: { model_config_id: config },
    });
    expect(made.status).to.equal(201);
    const first = made.body as Conversation;
    expect(Object.keys(first)).to.deep.equal(['conversation_id', 'title', 'update_at', 'model_config_id']);
    expect([first.title, first.model_config_id]).to.deep.equal([null, config]);
    expect(new Date(first.update_at).toISOString()).to.equal(first.update_at);
    const second = await makeConversation(world, user, config);
    expect((await list()).map((one) => one.conversation_id)).to.have.members([first.conversation_id, second]);
    world.steps.push({ text: 'Hi.' });
    await world.ok(200, 'POST', '/chat/send', {
      token: user.access,
      body: {
        conversation_id: first.conversation_id,
        messages: [{ role: 'user', content: 'Hello' }],
        model_config_id: config,
      },
    });
    expect((await list())[0]?.conversation_id).to.equal(first.conversation_id);
  });

  it('get a title of at most twenty characters from the model', async () => {
    const config = await makeConfig(world, user);
    const id = await makeConversation(world, user, config);
    const messages = [
      { role: 'user', content: '今天天气怎么样？' },
      { role: 'assistant', content: '很好。' },
      { role: 'user', content: [{ type: 'text', text: '谢谢' }] },
    ];
    const body = { conversation_id: id, messages, model_config_id: config };
    world.steps.push(
      { text: '\n《关于今天的天气以及明天后天大后天的天气的一次很长的讨论》\n' },
      { text: '"A chat."' },
    );
    const made = await title(body);
    expect(made.status).to.equal(201);
    expect(Object.keys(made.body as object)).to.deep.equal(['conversation_id', 'title', 'update_at']);
    expect((made.body as Conversation).title).to.equal('关于今天的天气以及明天后天大后天的天气的');
    expect(Array.from((made.body as { title: string }).title)).to.have.length(20);
    expect((await list())[0]?.title).to.equal('关于今天的天气以及明天后天大后天的天气的');
    const direct = { base_url: world.model.baseUrl, model_name: 'm', api_key: 'k' };
    const { model_config_id: _, ...rest } = body;
    expect((await title({ ...rest, ...direct })).body).to.include({ title: 'A chat' });
    // It is not part of what was said.
    const said = await world.ok(200, 'GET', `/chat/${id}`, { token: user.access });
    expect(said).to.deep.equal({ messages: [] });
  });

  it('keep their title when the model fails', async () => {
    const config = await makeConfig(world, user);
    const id = await makeConversation(world, user, config);
    const body = {
      conversation_id: id,
      messages: [{ role: 'user', content: 'Hello' }],
      model_config_id: config,
    };
    world.steps.push({ status: 401, body: { error: { message: 'bad key' } } }, { text: ' "" ' });
    for (const detail of [
      'the model endpoint answered 401: bad key; check apiKey',
      'The model made no title.',
    ]) {
      const failed = await title(body);
      expect([failed.status, failed.body]).to.deep.equal([502, { detail }]);
    }
    expect((await list())[0]?.title).to.equal(null);
  });

  it('are removed with their messages, all or none', async () => {
    const config = await makeConfig(world, user);
    const [one, two] = [
      await makeConversation(world, user, config),
      await makeConversation(world, user, config),
    ];
    const remove = (ids: number[]) =>
      world.call('POST', '/conversation/delete', { token: user.access, body: { ids } });
    expect((await remove([one, 999_999])).status).to.equal(404);
    expect(await list()).to.have.length(2);
    const gone = await remove([one]);
    expect([gone.status, gone.body]).to.deep.equal([204, '']);
    expect((await list()).map((each) => each.conversation_id)).to.deep.equal([two]);
    expect((await world.call('GET', `/chat/${one}`, { token: user.access })).status).to.equal(404);
    expect((await remove([one])).status).to.equal(404);
  });

  it('of somebody else are not there', async () => {
    const other = await registerUser(world);
    const theirs = await makeConversation(world, other);
    const config = await makeConfig(world, user);
    const messages = [{ role: 'user', content: 'Hello' }];
    const say = { conversation_id: theirs, messages, model_config_id: config };
    const token = user.access;
    const answers = [
      await world.call('GET', `/chat/${theirs}`, { token }),
      await world.call('POST', '/chat/send', { token, body: say }),
      await title(say),
      await world.call('POST', '/conversation/delete', { token, body: { ids: [theirs] } }),
      await world.call('POST', '/chat/get_upload_presigned_url', {
        token,
        body: { conversation_id: theirs, suffixes: ['png'] },
      }),
    ];
    const missing = await world.call('GET', '/chat/999999', { token });
    // The same answer as for one that does not exist.
    for (const answer of answers) expect([answer.status, answer.body]).to.deep.equal([404, missing.body]);
  });

  it('must be named as they are', async () => {
    const token = user.access;
    for (const path of ['/chat/abc', '/chat/0', '/chat/99999999999'])
      expect((await world.call('GET', path, { token })).status).to.equal(422);
    for (const body of [{}, { model_config_id: 'x' }, { model_config_id: 2 ** 40 }])
      expect((await world.call('POST', '/conversation/create', { token, body })).status).to.equal(422);
    const unknown = await world.call('POST', '/conversation/create', {
      token,
      body: { model_config_id: 99999 },
    });
    expect([unknown.status, Object.keys(unknown.body as object)]).to.deep.equal([404, ['detail']]);
    for (const path of ['/conversation', '/chat/1'])
      expect((await world.call('GET', path)).status).to.equal(401);
  });
});
