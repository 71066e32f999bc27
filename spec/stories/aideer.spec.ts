import { expect } from 'chai';
import sharp from 'sharp';
import { endOf, newDeer, type DeerUser } from '../support/aideer-world.ts';
import { onBothEngines, type ChatWorld } from '../support/chat-world.ts';
import { startWeChatServer, type WeChatServer } from '../support/wechat-server.ts';

type Json = Record<string, unknown>;

/** A day of a client of contract 5: an admin, and somebody who comes with WeChat, over real HTTP. */
onBothEngines('a day with AIDeer', (open) => {
  let wechat: WeChatServer;
  let world: ChatWorld;
  let admin: DeerUser;
  let token = '';
  let refresh = '';
  let preset = '';
  let chat = '';
  before(async () => {
    wechat = await startWeChatServer();
    world = await open({
      WECHAT_APPID: wechat.appid,
      WECHAT_SECRET: wechat.secret,
      WECHAT_BASE_URL: wechat.url,
    });
    admin = await newDeer(world, 'admin');
  });
  after(async () => {
    await world.close();
    await wechat.close();
  });

  const call = <T = Json>(method: string, path: string, body?: unknown) =>
    world.ok<T>(200, method, `/api/v1${path}`, { token, ...(body !== undefined && { body }) });
  const asAdmin = <T = Json>(method: string, path: string, body?: unknown) =>
    world.ok<T>(200, method, `/api/v1${path}`, { token: admin.token, ...(body !== undefined && { body }) });
  const events = async (task: string) => {
    const stream = await fetch(`${world.app.url}/api/v1/tasks/${task}/stream`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return (await stream.text()).split('\n\n').filter(Boolean);
  };

  it('in the morning the admin opens a scene for all, and makes a code', async () => {
    const made = await asAdmin('POST', '/presets', {
      title: '诗人',
      visibility: 'public',
      messages: [{ role: 'system', content: '你是一位诗人。', visibility: false }],
      parameters: { model: 'qwen-turbo', max_tokens: 200 },
    });
    preset = String(made['id']);
    await asAdmin('POST', '/codes', { redeem_code: 'springtime-2026', value: 10_000 });
  });

  it('somebody comes with WeChat, sets a picture and redeems the code', async () => {
    const tokens = await world.ok<{ access_token: string; refresh_token: string }>(
      200,
      'GET',
      `/api/v1/session/wechat/token?code=${wechat.login('mei')}`,
    );
    [token, refresh] = [tokens.access_token, tokens.refresh_token];
    const picture = await sharp({ create: { width: 640, height: 480, channels: 3, background: '#335577' } })
      .withExif({ IFD0: { Artist: 'Mei' } })
      .jpeg()
      .toBuffer();
    const form = new FormData();
    form.set('avatar_file', new Blob([new Uint8Array(picture)], { type: 'image/jpeg' }), 'me.jpg');
    await call('POST', '/users/me/avatar', form);
    const { id } = await call<{ id: number }>(
      'PUT',
      `/users/${String((await call('GET', '/users/me'))['id'])}`,
      {
        nickname: '小梅',
      },
    );
    const leads = await world.call('GET', `/api/v1/users/${id}/avatar`, { token: admin.token });
    const got = await fetch(leads.headers.get('location') ?? '');
    const { width, height, exif } = await sharp(Buffer.from(await got.arrayBuffer())).metadata();
    expect([width, height, exif]).to.deep.equal([128, 128, undefined]);
    await call('POST', '/users/me/credits', { redeem_code: 'SPRINGTIME-2026' });
    const again = await world.call('POST', '/api/v1/users/me/credits', {
      token,
      body: { redeem_code: 'springtime-2026' },
    });
    expect([again.status, again.body]).to.deep.equal([422, { detail: 'The code is not valid.' }]);
  });

  it('asks for a poem and sees it being written', async () => {
    const [found] = await call<Json[]>('GET', '/presets?order_by=create_time');
    expect(found).to.include({ id: preset, title: '诗人' });
    const made = await call('POST', '/chats', { preset_id: preset, title: '新的聊天' });
    chat = String(made['id']);
    await call('PUT', `/chats/${chat}`, { messages: [{ role: 'user', content: '写一首诗' }] });
    world.steps.push({ text: '春眠 不觉晓' }, { text: '春天的诗' });
    const task = await call<{ task_id: string }>('POST', '/tasks', { chat_id: chat });
    const seen = await events(task.task_id);
    expect(seen[0]).to.match(/^event: open\ndata: /);
    expect(seen.at(-2)).to.equal('data: {"status":"finished","content":"春眠 不觉晓","token_cost":120}');
    expect(seen.at(-1)).to.match(/^event: close\ndata: /);
    const title = await call<{ task_id: string }>('POST', '/tasks', {
      chat_id: chat,
      type: 'title_generation',
    });
    await endOf(world, { id: 0, username: '', token }, title.task_id);
    const { messages, title: named } = await call<{ messages: Json[]; title: string }>(
      'GET',
      `/chats/${chat}`,
    );
    expect(named).to.equal('春天的诗');
    expect(messages.map(({ content }) => content)).to.deep.equal(['写一首诗', '春眠 不觉晓']);
    expect(JSON.stringify(world.model.requests[0]!.body['messages'])).to.include('你是一位诗人。');
  });

  it('comes back in the afternoon, after the server was started anew, and shares the chat', async () => {
    await world.restart();
    const tokens = await world.ok<{ access_token: string; refresh_token: string }>(
      200,
      'GET',
      '/api/v1/session/wechat/refresh',
      { token: refresh },
    );
    [token, refresh] = [tokens.access_token, tokens.refresh_token];
    const { credits_left: left, credit_records: records } = await call<{
      credits_left: number;
      credit_records: { amount: number; type: string }[];
    }>('GET', '/users/me/credits');
    expect(left).to.equal(10_000 - 2 * 120 * 4);
    expect(records.map(({ type }) => type)).to.deep.equal(['settle', 'hold', 'settle', 'hold', 'redeem']);
    await call('PUT', `/chats/${chat}`, { visibility: 'shared' });
    const copy = await asAdmin('GET', `/chats/${chat}`);
    expect(copy).to.include({ owner_id: admin.id, title: '春天的诗' });
    const [listed, ...others] = await call<Json[]>('GET', '/chats?limit=5&order_by=update_time&order=desc');
    expect([listed!['id'], others]).to.deep.equal([chat, []]);
  });

  it('tidies up in the evening; the scene goes, and nobody loses a chat', async () => {
    await asAdmin('DELETE', `/presets/${preset}`);
    expect(await call('GET', `/chats/${chat}`)).to.include({ id: chat });
    await asAdmin('DELETE', '/codes/springtime-2026');
    await call('DELETE', `/chats/${chat}`);
    expect(await call('GET', '/chats')).to.deep.equal([]);
    wechat.expire('mei');
    const over = await world.call('GET', '/api/v1/session/wechat/refresh', { token: refresh });
    expect(over.status).to.equal(401);
    expect((await world.call('GET', '/api/v1/users/me', { token })).status).to.equal(401);
    expect(world.app.complaints.filter((text) => !text.includes('nobody can call'))).to.deep.equal([]);
  });
});
