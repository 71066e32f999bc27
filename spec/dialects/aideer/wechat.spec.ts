import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import { newDeer, signIn } from '../../support/aideer-world.ts';
import { onBothEngines, type ChatWorld } from '../../support/chat-world.ts';
import { startWeChatServer, type WeChatServer } from '../../support/wechat-server.ts';

interface Tokens {
  access_token: string;
  refresh_token: string;
  token_type: string;
}

onBothEngines('signing in to AIDeer with WeChat', (open) => {
  let wechat: WeChatServer;
  let world: ChatWorld;
  before(async () => {
    wechat = await startWeChatServer();
    world = await open({
      WECHAT_APPID: wechat.appid,
      WECHAT_SECRET: wechat.secret,
      WECHAT_BASE_URL: wechat.url,
    });
  });
  after(async () => {
    await world.close();
    await wechat.close();
  });

  const enter = (code: string) => world.call('GET', `/api/v1/session/wechat/token?code=${code}`);
  const refresh = (token: string) => world.call('GET', '/api/v1/session/wechat/refresh', { token });
  const me = (token: string) => world.call('GET', '/api/v1/users/me', { token });
  const tokensOf = async (openid: string) => (await enter(wechat.login(openid))).body as Tokens;

  it('makes somebody new a user, once', async () => {
    const answer = await enter(wechat.login('ann'));
    expect([answer.status, Object.keys(answer.body as object)]).to.deep.equal([
      200,
      ['access_token', 'refresh_token', 'token_type'],
    ]);
    const { access_token: token, token_type: type } = answer.body as Tokens;
    expect(type).to.equal('bearer');
    const { iat = 0, exp = 0 } = jwt.decode(token) as { iat?: number; exp?: number };
    expect(exp - iat).to.equal(86_400);
    const { avatar, ...user } = (await me(token)).body as {
      id: number;
      username: string;
      permission: number;
      avatar: string;
    };
    expect(avatar).to.include('/avatars/default.jpg?'); // its signature changes with the second
    expect(user.username).to.match(/^wechat_\d{8}$/);
    expect(user.permission).to.equal(1);
    const again = await tokensOf('ann');
    expect((await me(again.access_token)).body).to.deep.include(user);
    const many = await Promise.all(
      Array.from(
        { length: 5 },
        async () => ((await me((await tokensOf('bob')).access_token)).body as { id: number }).id,
      ),
    );
    expect(new Set(many).size).to.equal(1);
  });

  it('takes no code that WeChat does not know', async () => {
    const code = wechat.login('ann');
    expect((await enter(code)).status).to.equal(200);
    for (const bad of [code, 'nonsense']) {
      const answer = await enter(bad);
      expect([answer.status, answer.body]).to.deep.equal([401, { detail: 'The WeChat code is not valid.' }]);
    }
    expect((await enter('')).status).to.equal(422);
    expect((await world.call('GET', '/api/v1/session/wechat/token')).status).to.equal(422);
  });

  it('uses up no code and no refresh token on HEAD', async () => {
    const look = async (path: string, token?: string) =>
      (await world.call('HEAD', `/api/v1/session/wechat/${path}`, { token })).status;
    const code = wechat.login('hedda');
    expect(await look(`token?code=${code}`)).to.equal(404);
    const { refresh_token: token } = (await enter(code)).body as Tokens;
    expect([await look('refresh', token), (await refresh(token)).status]).to.deep.equal([404, 200]);
  });

  it('refreshes while the WeChat session lives, and signs out when it does not', async () => {
    const first = await tokensOf('carl');
    const second = await refresh(first.refresh_token);
    expect([second.status, Object.keys(second.body as object)]).to.deep.equal([
      200,
      ['access_token', 'refresh_token', 'token_type'],
    ]);
    const { access_token: access, refresh_token: token } = second.body as Tokens;
    // The seed lets one refresh token live its 90 days; clients do not store another one.
    expect(token).to.equal(first.refresh_token);
    expect((await refresh(token)).status).to.equal(200);
    expect((await me(access)).status).to.equal(200);
    wechat.expire('carl');
    const over = await refresh(token);
    expect([over.status, Object.keys(over.body as object)]).to.deep.equal([401, ['detail']]);
    expect((await me(access)).status).to.equal(401);
    expect((await refresh(token)).status).to.equal(401);
    // Signing in on another device ends the session that was there.
    const old = await tokensOf('carl');
    const fresh = await tokensOf('carl');
    expect((await refresh(old.refresh_token)).status).to.equal(401);
    expect((await refresh(fresh.refresh_token)).status).to.equal(200);
  });

  it('distinguishes the two kinds of tokens', async () => {
    const { access_token: access, refresh_token: token } = await tokensOf('dora');
    const wrong = await me(token);
    expect([wrong.status, Object.keys(wrong.body as object)]).to.deep.equal([400, ['detail']]);
    expect((await refresh(access)).status).to.equal(400);
    expect((await refresh('rt_nonsense')).status).to.equal(401);
    expect((await me('nonsense')).status).to.equal(401);
    expect((await world.call('GET', '/api/v1/session/wechat/refresh')).status).to.equal(401);
    const chat = await world.ok<Tokens>(200, 'POST', '/user/register', {
      body: { email: 'x@example.com', username: 'no wechat', password: 'correct horse battery' },
    });
    expect((await refresh(chat.refresh_token)).status).to.equal(401);
    const deer = await newDeer(world);
    expect((await refresh(await signIn(world, deer.username))).status).to.equal(400);
  });

  it('keeps session keys sealed', async () => {
    await tokensOf('eve');
    const rows = await world.sql<{ wechat_sessions: { session_key: string } }, { session_key: string }[]>(
      (db) => db.selectFrom('wechat_sessions').select('session_key').execute(),
    );
    expect(rows.length).to.be.above(0);
    for (const row of rows) expect(row.session_key).to.match(/^v1\./);
  });

  it('is down when WeChat is', async () => {
    const { refresh_token: token } = await tokensOf('fay');
    wechat.answer = { errcode: -1, errmsg: 'system error' };
    try {
      for (const answer of [await enter('code'), await refresh(token)])
        expect([answer.status, Object.keys(answer.body as object)]).to.deep.equal([503, ['detail']]);
    } finally {
      wechat.answer = undefined;
    }
    expect((await refresh(token)).status).to.equal(200);
  });
});

describe('signing in to AIDeer without WeChat', () => {
  it('names the missing field', async () => {
    const { openChatWorld } = await import('../../support/chat-world.ts');
    const world = await openChatWorld();
    try {
      const answer = await world.call('GET', '/api/v1/session/wechat/token?code=x');
      expect(answer.status).to.equal(503);
      expect((answer.body as { detail: string }).detail).to.include('WECHAT_APPID');
    } finally {
      await world.close();
    }
  });
});
