import { expect } from 'chai';
import { createWeChat, signatureOf } from '../../lib/accounts/wechat.ts';
import { outcomeOf } from '../support/refusal.ts';
import { createTestClock } from '../support/test-clock.ts';
import { startWeChatServer, type WeChatServer } from '../support/wechat-server.ts';

describe('WeChat', () => {
  let server: WeChatServer;
  beforeEach(async () => {
    server = await startWeChatServer();
  });
  afterEach(() => server.close());

  const open = (more: object = {}) =>
    createWeChat({ appid: server.appid, secret: server.secret, fetch, baseUrl: server.url, ...more });

  it('signs like the example of its documentation', () => {
    expect(signatureOf('o0q0otL8aEzpcZL/FT9WsQ==', '{"foo":"bar"}')).to.equal(
      '654571f79995b2ce1e149e53c0a33dc39c0a74090db514261454e8dbe432aa0b',
    );
  });

  it('exchanges a code for a session, once', async () => {
    const wechat = open();
    const code = server.login('ann');
    const session = await wechat.exchange(code);
    expect(session).to.deep.equal({ openid: 'ann', sessionKey: 'key-ann-1==' });
    expect(await outcomeOf(wechat.exchange(code))).to.equal('unauthorized');
    expect(await outcomeOf(wechat.exchange('nonsense'))).to.equal('unauthorized');
  });

  it('tells which sessions are alive, with one token of the app for all', async () => {
    const wechat = open();
    const session = await wechat.exchange(server.login('ann'));
    expect(await wechat.isAlive(session)).to.equal(true);
    expect(await wechat.isAlive({ ...session, sessionKey: 'another' })).to.equal(false);
    server.expire('ann');
    expect(await wechat.isAlive(session)).to.equal(false);
    expect(server.asked['/cgi-bin/stable_token']).to.equal(1);
  });

  it('asks for a new token when the old one is refused, and when it expires', async () => {
    let time = 0;
    const wechat = open({ clock: createTestClock(() => time) });
    const session = await wechat.exchange(server.login('ann'));
    expect(await wechat.isAlive(session)).to.equal(true);
    server.dropTokens();
    expect(await wechat.isAlive(session)).to.equal(true);
    expect(server.asked['/cgi-bin/stable_token']).to.equal(2);
    time += 7200_000;
    expect(await wechat.isAlive(session)).to.equal(true);
    expect(server.asked['/cgi-bin/stable_token']).to.equal(3);
  });

  it('is unavailable when it reports an error, answers nonsense, or does not answer', async () => {
    const session = { openid: 'ann', sessionKey: 'k' };
    for (const answer of [{ errcode: -1 }, { errcode: 45_011 }, {}, []]) {
      server.answer = answer;
      expect(await outcomeOf(open().exchange('code')), JSON.stringify(answer)).to.equal('unavailable');
      expect(await outcomeOf(open().isAlive(session))).to.equal('unavailable');
    }
    server.answer = { access_token: 'x', expires_in: 7200, errcode: 40_001 };
    expect(await outcomeOf(open().isAlive(session))).to.equal('unavailable');
    const nowhere = open({ baseUrl: 'http://127.0.0.1:9' });
    const error: unknown = await nowhere.exchange('code').catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'unavailable');
    expect(JSON.stringify([String(error), String((error as Error).cause)])).to.not.include(server.secret);
  });
});
