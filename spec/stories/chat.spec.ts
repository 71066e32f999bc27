import { expect } from 'chai';
import sharp from 'sharp';
import { onBothEngines, password, type ChatWorld } from '../support/chat-world.ts';

interface Line {
  type: string;
  content?: string;
  user_message_id?: number;
  ai_message_id?: number;
}

interface Message {
  message_id: number;
  role: string;
  content: string | { type: string; text?: string; image_url?: { url: string } }[];
}

/** A day of a client of contract 4, from registering to signing out, over real HTTP. */
onBothEngines('a day with the chat backend', (open) => {
  let world: ChatWorld;
  let access = '';
  let refresh = '';
  let config = 0;
  let conversation = 0;
  before(async () => {
    world = await open();
  });
  after(() => world.close());

  const post = <T>(status: number, path: string, body?: unknown, token = access) =>
    world.ok<T>(status, 'POST', `/api/v1${path}`, { token, ...(body !== undefined && { body }) });
  const get = <T>(path: string) => world.ok<T>(200, 'GET', `/api/v1${path}`, { token: access });
  const take = (pair: { access_token: string; refresh_token: string }) => {
    access = pair.access_token;
    refresh = pair.refresh_token;
  };
  const linesOf = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);

  it('in the morning somebody registers and says which model to use', async () => {
    const person = { email: 'mei@example.com', username: '小梅', password };
    take(await post(200, '/user/register', person));
    const { can_create: can } = await post<{ can_create: boolean }>(200, '/model_config/can_create', {
      config_count: 0,
    });
    expect(can).to.equal(true);
    const made = await post<{ config_id: number }>(201, '/model_config/create', {
      name: '我的模型',
      base_url: world.model.baseUrl,
      model_name: 'qwen-vl',
      api_key: 'sk-abcdefghijkl1d9a',
      params: { temperature: 0.7 },
    });
    config = made.config_id;
  });

  it('shows a picture, and gets a title and an answer at the same time', async () => {
    const { conversation_id: id } = await post<{ conversation_id: number }>(201, '/conversation/create', {
      model_config_id: config,
    });
    conversation = id;
    const { urls } = await post<{ urls: string[] }>(200, '/chat/get_upload_presigned_url', {
      conversation_id: id,
      suffixes: ['jpg'],
    });
    const picture = await sharp({ create: { width: 40, height: 30, channels: 3, background: '#802020' } })
      .jpeg()
      .toBuffer();
    const uploaded = await fetch(urls[0]!, {
      method: 'PUT',
      headers: { 'content-type': 'image/jpeg' },
      body: picture,
    });
    expect(uploaded.status).to.equal(200);
    // Whichever of the two asks first: the title's request is not streamed.
    const reply = { text: '这是 一张 红色的图。' };
    world.steps.push(reply, reply);
    const say = {
      conversation_id: id,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: '这是什么？' },
            { type: 'image_url', image_url: { url: urls[0] } },
          ],
        },
      ],
      model_config_id: config,
    };
    const [titled, stream] = await Promise.all([
      post<{ title: string }>(201, '/conversation/generate_title', say),
      post<string>(200, '/chat/send', say),
    ]);
    expect(titled.title).to.equal('这是 一张 红色的图');
    const lines = linesOf(stream);
    expect(lines.map(({ type }) => type)).to.deep.equal([
      'user_message_id',
      'ai_chunk',
      'ai_chunk',
      'ai_chunk',
      'complete',
    ]);
    expect(lines.map(({ content = '' }) => content).join('')).to.equal(reply.text);
    const seen = world.model.requests.map(({ body }) => JSON.stringify(body['messages']));
    for (const text of seen) expect(text).to.match(/"image_url":\{"url":"http[^"]+\/images\/[^"]+"/);
  });

  it('comes back in the afternoon, after the server was started anew', async () => {
    await world.restart();
    take(await post(200, '/user/refresh', undefined, refresh));
    const { conversations } = await get<{ conversations: { conversation_id: number; title: string }[] }>(
      '/conversation',
    );
    expect(conversations.map(({ conversation_id: id, title }) => [id, title])).to.deep.equal([
      [conversation, '这是 一张 红色的图'],
    ]);
    const { messages } = await get<{ messages: Message[] }>(`/chat/${conversation}`);
    expect(messages.map(({ role }) => role)).to.deep.equal(['user', 'assistant']);
    const parts = messages[0]!.content as { image_url?: { url: string } }[];
    const got = await fetch(parts[1]!.image_url!.url);
    const { width, height } = await sharp(Buffer.from(await got.arrayBuffer())).metadata();
    expect([width, height]).to.deep.equal([40, 30]);
    world.steps.push({ text: 'Because of the light.' });
    const again = [...messages, { role: 'user', content: 'Why?' }];
    const lines = linesOf(
      await post<string>(200, '/chat/send', {
        conversation_id: conversation,
        messages: again,
        model_config_id: config,
      }),
    );
    expect(lines.at(-1)?.type).to.equal('complete');
    expect((await get<{ messages: Message[] }>(`/chat/${conversation}`)).messages).to.have.length(4);
  });

  it('tidies up in the evening and signs out', async () => {
    take(await post(200, '/user/me/password', { password: 'an even better one' }, refresh));
    await post(204, '/conversation/delete', { ids: [conversation] });
    await post(204, '/model_config/delete', { ids: [config] });
    expect(await get('/conversation')).to.deep.equal({ conversations: [] });
    expect(await get('/model_config')).to.deep.equal({ configs: [] });
    await post(200, '/user/logout', undefined, refresh);
    expect((await world.call('GET', '/api/v1/user/me', { token: access })).status).to.equal(401);
    const { email } = { email: 'mei@example.com' };
    expect((await world.call('POST', '/user/login', { body: { email, password } })).status).to.equal(401);
    expect(world.app.complaints.filter((text) => !text.includes('nobody can call'))).to.deep.equal([]);
  });
});
