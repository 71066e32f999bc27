import { expect } from 'chai';
import { parseSetCookie } from 'cookie';
import {
  makeConfig,
  openChatWorld,
  password,
  type ChatUser,
  type ChatWorld,
} from '../../support/chat-world.ts';
import type { Answer } from '../../support/rest.ts';

/** The header that axios sends when a page names no type. */
const ACCEPT = 'application/json, text/plain, */*';

interface Pair {
  access_token: string;
  refresh_token: string;
}

/**
 * A page of the chat backend: the access token is the bearer of every call, and the browser keeps the refresh token in a
 * cookie that the page cannot read.
 */
async function openPage(world: ChatWorld) {
  let cookie: string | undefined;
  let access: string | undefined;
  async function post(path: string, body?: unknown, more: Record<string, string> = {}): Promise<Answer> {
    const headers = { accept: ACCEPT, ...(cookie !== undefined && { cookie }), ...more };
    const answer = await world.call('POST', `/api/v1${path}`, {
      token: access,
      headers,
      ...(body !== undefined && { body }),
    });
    const set = answer.headers.get('set-cookie');
    if (set !== null) {
      const { value } = parseSetCookie(set);
      cookie = value ? `refresh_token=${value}` : undefined;
    }
    const pair = answer.body as Partial<Pair>;
    if (pair.access_token !== undefined) access = pair.access_token;
    return answer;
  }
  const get = (path: string) =>
    world.call('GET', `/api/v1${path}`, { token: access, headers: { accept: ACCEPT } });
  count += 1;
  const email = `page${count}@example.com`;
  const username = `page ${count}`;
  const { refresh_token: refresh } = (await post('/user/register', { email, username, password }))
    .body as Pair;
  return {
    post,
    get,
    email,
    get user(): ChatUser {
      return { email, username, access: access!, refresh };
    },
    get cookie() {
      return cookie;
    },
    /** The configurations, as the page gets them. */
    configs: async () =>
      ((await get('/model_config')).body as { configs: Record<string, unknown>[] }).configs,
  };
}
let count = 0;

describe('a page of the chat backend', () => {
  let world: ChatWorld;
  let page: Awaited<ReturnType<typeof openPage>>;
  before(async () => {
    world = await openChatWorld();
  });
  beforeEach(async () => {
    page = await openPage(world);
    world.steps.length = world.model.requests.length;
  });
  after(() => world.close());

  const hello = [{ role: 'user', content: 'Hello' }];
  const keyAsked = () => world.model.requests.at(-1)!.headers.authorization;
  const detailOf = ({ status, body }: Answer) => [status, (body as { detail?: string }).detail];
  async function openConversation(): Promise<number> {
    const config = (await page.configs())[0]?.['config_id'] ?? (await makeConfig(world, page.user));
    const made = await page.post('/conversation/create', { model_config_id: config });
    return (made.body as { conversation_id: number }).conversation_id;
  }

  describe('with the masked keys that it was shown', () => {
    const noSuchKey =
      'The body is not valid: /api_key must be the key itself: no key with this mask is stored for this base_url and model_name.';
    let conversation: number;
    let shown: Record<string, unknown>;
    beforeEach(async () => {
      conversation = await openConversation();
      [shown = {}] = await page.configs();
    });
    /** The body of a request with the model as the page shows it. */
    const body = (more: object = {}) => {
      const { base_url, model_name, api_key, params } = shown;
      return {
        conversation_id: conversation,
        messages: hello,
        base_url,
        model_name,
        api_key,
        params,
        ...more,
      };
    };

    for (const path of ['/chat/send', '/conversation/generate_title', '/chat/generate_title'])
      it(`asks with the stored key in ${path}`, async () => {
        expect(shown['api_key']).to.equal('sk-…1d9a');
        world.steps.push({ text: 'Hi' });
        const answer = await page.post(path, body());
        expect([answer.status, keyAsked()]).to.deep.equal([
          path === '/chat/send' ? 200 : 201,
          'Bearer sk-secret-0123451d9a',
        ]);
      });

    for (const [title, more] of [
      ['three dots for the ellipsis', { api_key: 'sk-...1d9a' }],
      [
        'the scheme and the host in capitals, and a final slash',
        (url: string) => `${url.toUpperCase().replace('/V1', '/v1')}/`,
      ],
    ] as const)
      it(`asks with the stored key when the page sends ${title}`, async () => {
        world.steps.push({ text: 'Hi' });
        const given = typeof more === 'function' ? { base_url: more(shown['base_url'] as string) } : more;
        const answer = await page.post('/chat/send', body(given));
        expect([answer.status, keyAsked()]).to.deep.equal([200, 'Bearer sk-secret-0123451d9a']);
      });

    it('is refused for another base URL, another model, another mask and the mask of somebody else', async () => {
      const other = await openPage(world);
      await makeConfig(world, other.user, { api_key: 'sk-their-key-of-9999' });
      const before = world.model.requests.length;
      for (const more of [
        { base_url: 'https://evil.example/v1' },
        { base_url: `${String(shown['base_url'])}/more` },
        { model_name: 'another' },
        { api_key: 'sk-…0000' },
        { api_key: 'sk-…9999' },
        { api_key: '…' },
      ])
        for (const path of ['/chat/send', '/conversation/generate_title'])
          expect(detailOf(await page.post(path, body(more))), JSON.stringify(more)).to.deep.equal([
            422,
            noSuchKey,
          ]);
      expect(world.model.requests).to.have.length(before);
    });

    it('is refused when two keys have the same mask', async () => {
      for (const api_key of ['short', 'other']) await makeConfig(world, page.user, { api_key });
      expect(detailOf(await page.post('/chat/send', body({ api_key: '…' })))).to.deep.equal([422, noSuchKey]);
    });

    it('makes and changes configurations with them', async () => {
      const { config_id: id, ...config } = shown;
      const made = await page.post('/model_config/create', { ...config, name: 'Copy' });
      expect([made.status, made.body]).to.deep.equal([
        201,
        { ...shown, config_id: (made.body as { config_id: number }).config_id, name: 'Copy' },
      ]);
      expect((await page.post('/model_config/update', { ...shown, name: 'New' })).status).to.equal(202);
      const away = { ...shown, base_url: 'https://evil.example/v1' };
      for (const path of ['update', 'create'])
        expect(detailOf(await page.post(`/model_config/${path}`, away))).to.deep.equal([422, noSuchKey]);
      for (const keyed of [id, (made.body as { config_id: number }).config_id]) {
        world.steps.push({ text: 'Hi' });
        await page.post('/chat/send', {
          conversation_id: conversation,
          messages: hello,
          model_config_id: keyed,
        });
        expect(keyAsked()).to.equal('Bearer sk-secret-0123451d9a');
      }
    });
  });

  it('leaves fields of a configuration empty: null, or left out', async () => {
    const { baseUrl: base_url } = world.model;
    const empty = { name: null, base_url, model_name: null, api_key: null, params: {} };
    for (const body of [empty, { ...empty, params: null }, { base_url }]) {
      const made = await page.post('/model_config/create', body);
      const { config_id: config, ...rest } = made.body as Record<string, unknown>;
      expect([made.status, rest]).to.deep.equal([201, empty]);
      expect((await page.configs()).at(-1)).to.deep.equal({ config_id: config, ...empty });
    }
    const conversation = await openConversation();
    // A model on the user's own machine has no key.
    world.steps.push({ text: 'Hi' });
    const said = await page.post('/chat/send', {
      conversation_id: conversation,
      messages: hello,
      base_url,
      model_name: 'local',
      api_key: null,
    });
    expect([said.status, String(said.body).includes('complete')]).to.deep.equal([200, true]);
    expect(keyAsked() ?? 'Bearer none').to.not.include('sk-own');
    const [{ config_id: config } = {}] = await page.configs();
    const unnamed = { conversation_id: conversation, messages: hello, model_config_id: config };
    expect(detailOf(await page.post('/chat/send', unnamed))).to.deep.equal([
      422,
      'The model configuration has no model_name: send one.',
    ]);
    world.steps.push({ text: 'Hi' });
    expect((await page.post('/chat/send', { ...unnamed, model_name: 'local' })).status).to.equal(200);
  });

  it('keeps the key in an edit without one, at the same base URL only', async () => {
    const conversation = await openConversation();
    const [{ api_key: _, ...edit } = {}] = await page.configs();
    for (const body of [edit, { ...edit, api_key: null, name: null }])
      expect((await page.post('/model_config/update', body)).status).to.equal(202);
    expect(await page.configs()).to.deep.equal([{ ...edit, name: null, api_key: 'sk-…1d9a' }]);
    expect(
      (await page.post('/model_config/update', { ...edit, base_url: 'https://evil.example' })).status,
    ).to.equal(422);
    world.steps.push({ text: 'Hi' });
    const { config_id: model_config_id } = edit;
    await page.post('/chat/send', { conversation_id: conversation, messages: hello, model_config_id });
    expect(keyAsked()).to.equal('Bearer sk-secret-0123451d9a');
  });

  it('changes the title and the model of a conversation', async () => {
    const conversation_id = await openConversation();
    const other = await makeConfig(world, page.user, { name: 'Other' });
    const stranger = await openPage(world);
    const foreign = await makeConfig(world, stranger.user);
    const changed = await page.post('/conversation/update', {
      conversation_id,
      title: 'Lamps',
      model_config_id: other,
    });
    expect([changed.status, changed.body]).to.deep.equal([202, {}]);
    expect((await page.post('/conversation/update', { conversation_id, title: null })).status).to.equal(202);
    expect((await page.post('/conversation/update', { conversation_id, title: '' })).status).to.equal(422);
    for (const [who, body] of [
      [page, { conversation_id, model_config_id: foreign }],
      [stranger, { conversation_id, title: 'Mine' }],
      [page, { conversation_id: conversation_id + 1000, title: 'None' }],
    ] as const)
      expect((await who.post('/conversation/update', body)).status).to.equal(404);
    const { conversations } = (await page.get('/conversation')).body as { conversations: object[] };
    expect(conversations.map((one) => ({ ...one, update_at: '' }))).to.deep.equal([
      { conversation_id, title: 'Lamps', update_at: '', model_config_id: other },
    ]);
  });

  it('asks for a title when the model has answered', async () => {
    const conversation_id = await openConversation();
    const [{ config_id: model_config_id } = {}] = await page.configs();
    world.steps.push({ text: 'A title' });
    const titled = await page.post('/chat/generate_title', {
      conversation_id,
      model_config_id,
      messages: [...hello, { role: 'assistant', content: 'Hi' }],
    });
    expect([titled.status, { ...(titled.body as object), update_at: '' }]).to.deep.equal([
      201,
      { conversation_id, title: 'A title', update_at: '' },
    ]);
  });

  for (const [accept, type] of [
    [ACCEPT, 'application/x-ndjson'],
    ['*/*', 'application/x-ndjson'],
    ['application/json', 'application/x-ndjson'],
    ['application/x-ndjson', 'application/x-ndjson'],
    ['text/html', 'application/x-ndjson'],
    ['text/plain;q=0.5, application/json', 'application/x-ndjson'],
    ['text/event-stream;q=0, */*', 'application/x-ndjson'],
    ['text/plain', 'text/plain; charset=utf-8'],
    ['text/plain, */*;q=0.1', 'text/plain; charset=utf-8'],
    ['application/json;q=0.5, text/plain', 'text/plain; charset=utf-8'],
    ['text/event-stream', 'text/event-stream'],
    ['TEXT/EVENT-STREAM, */*;q=0.1', 'text/event-stream'],
  ] as const)
    it(`that accepts ${accept} gets ${type}`, async () => {
      const conversation_id = await openConversation();
      const [{ config_id: model_config_id } = {}] = await page.configs();
      world.steps.push({ text: 'Hi' });
      const body = { conversation_id, messages: hello, model_config_id };
      const answer = await page.post('/chat/send', body, { accept });
      expect([answer.status, answer.headers.get('content-type')]).to.deep.equal([200, type]);
    });

  it('changes the password with its access token as bearer and the refresh token as cookie', async () => {
    const old = page.user;
    const wanted = 'a whole new thing';
    for (const [body, status] of [
      [{ password: wanted, old_password: 'wrong' }, 403],
      [{ password, old_password: password }, 400],
      [{ password }, 400],
      [{ password: wanted, old_password: password }, 200],
    ] as const)
      expect((await page.post('/user/me/password', body)).status, JSON.stringify(body)).to.equal(status);
    expect((await page.get('/user/me')).status).to.equal(200);
    expect((await world.call('POST', '/user/refresh', { token: old.refresh })).status).to.equal(401);
    expect(page.cookie).to.match(/^refresh_token=rt_/);
  });

  it('gets a new pair of tokens with a new e-mail, and needs no wrong password for it', async () => {
    const before = page.user.access;
    expect(
      detailOf(await page.post('/user/me/email', { email: 'a@b.example', password: 'wrong' })),
    ).to.deep.equal([403, 'The password is wrong.']);
    const changed = await page.post('/user/me/email', { email: `new-${page.email}` });
    expect([changed.status, Object.keys(changed.body as object)]).to.deep.equal([
      202,
      ['access_token', 'refresh_token', 'token_type'],
    ]);
    expect(page.user.access).to.not.equal(before);
    expect(page.cookie).to.equal(`refresh_token=${(changed.body as Pair).refresh_token}`);
    expect((await page.get('/user/me')).body).to.deep.include({ email: `new-${page.email}` });
  });

  it('signs out, and its refresh token is dead', async () => {
    const { refresh } = page.user;
    const out = await page.post('/user/logout');
    expect([out.status, out.body, page.cookie]).to.deep.equal([200, {}, undefined]);
    expect((await world.call('POST', '/user/refresh', { token: refresh })).status).to.equal(401);
    expect((await page.get('/user/me')).status).to.equal(401);
  });

  it('refreshes its tokens the same way; a dead cookie is cleared by a sign-out', async () => {
    expect((await page.post('/user/refresh')).status).to.equal(200);
    const headers = { cookie: 'refresh_token=rt_dead' };
    const out = await world.call('POST', '/user/logout', { token: page.user.access, headers });
    expect([out.status, parseSetCookie(out.headers.get('set-cookie') ?? '')]).to.deep.include(401);
    expect(parseSetCookie(out.headers.get('set-cookie') ?? '')).to.deep.include({ value: '', maxAge: 0 });
  });
});
