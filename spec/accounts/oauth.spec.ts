import { expect } from 'chai';
import type { Oauth, OauthOptions } from '../../lib/accounts/oauth.ts';
import type { ProviderName } from '../../lib/accounts/providers.ts';
import { openTestAccounts, testKeys, type TestAccounts } from '../support/accounts.ts';
import { outcomeOf } from '../support/refusal.ts';
import { callbackUrl, clientId, clientSecret, openOidcServer, type OidcServer } from '../support/oidc.ts';

const returnUrl = 'https://panel.example/done?x=1';

const urlOf = (input: string | URL | Request): string =>
  typeof input === 'string' ? input : input instanceof URL ? input.href : input.url;

describe('signing in at a provider', () => {
  const servers = {} as Record<ProviderName, OidcServer>;
  /** What becomes of a provider's answers on their way. */
  let tamper: (url: string, body: string) => string = (_url, body) => body;
  let accounts: TestAccounts;
  const tampering: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init);
    const body = tamper(urlOf(input), await answer.text());
    return new Response(body, {
      status: answer.status,
      headers: { 'content-type': answer.headers.get('content-type')! },
    });
  };
  let oauth: Pick<OauthOptions, 'secrets' | 'returnUrls' | 'fetch' | 'places'>;

  before(async () => {
    servers.jaccount = await openOidcServer({
      issuerPath: '/oauth2/',
      routes: { authorization: '/authorize', token: '/token' },
      algorithm: 'HS256',
    });
    servers.github = await openOidcServer({
      issuerPath: '/login/oauth',
      routes: { authorization: '/authorize', token: '/access_token' },
      algorithm: 'RS256',
    });
    servers.google = await openOidcServer({ issuerPath: '', routes: {}, algorithm: 'RS256' });
    servers.jaccount.profile = { entities: [{ code: '5210309', name: '张三' }] };
    servers.github.profile = { id: 58, login: 'octo', name: null };
    const own = { clientId, clientSecret };
    oauth = {
      secrets: { jaccount: own, github: own, google: own },
      returnUrls: [returnUrl],
      fetch: tampering,
      places: {
        jaccount: servers.jaccount.place,
        github: servers.github.place,
        google: servers.google.place,
      },
    };
  });
  after(() => Promise.all(Object.values(servers).map((server) => server.close())));
  beforeEach(async () => {
    tamper = (_url, body) => body;
    accounts = await openTestAccounts({ oauth });
  });
  afterEach(async () => {
    await accounts.close();
    expect(accounts.errors).to.deep.equal([]);
  });

  const begin = (provider: ProviderName) =>
    accounts.oauth.begin(provider, { callbackUrl, returnTo: returnUrl });
  async function signIn(provider: ProviderName) {
    const { url, cookie } = await begin(provider);
    return accounts.oauth.finish((await servers[provider].visit(url)).searchParams, cookie);
  }

  it('works at each provider, and recognises the user by the provider’s own id', async () => {
    for (const [provider, name, subject] of [
      ['jaccount', '张三', '5210309'],
      ['github', 'octo', '58'],
      ['google', 'Name of somebody', 'somebody'],
    ] as const) {
      const first = await signIn(provider);
      expect([first.provider, first.returnTo, first.user.name, first.user.email]).to.deep.equal([
        provider,
        returnUrl,
        name,
        null,
      ]);
      expect(await accounts.identities.list(first.user.uuid)).to.deep.equal([
        { provider, issuer: servers[provider].place.issuer, subject },
      ]);
      expect((await signIn(provider)).user).to.deep.equal(first.user);
    }
    const { users } = await accounts.users.list({ offset: 0, limit: 10 });
    expect(users).to.have.length(3);
    servers.google.subject = 'somebody else';
    expect((await signIn('google')).user.name).to.equal('Name of somebody else');
    servers.google.subject = 'somebody';
  });

  it('sends a challenge, a state and a nonce that reveal nothing and are new each time', async () => {
    const [one, two] = [await begin('google'), await begin('google')];
    const query = (url: string) => Object.fromEntries(new URL(url).searchParams);
    const { state, nonce, code_challenge: challenge, ...rest } = query(one.url);
    expect(rest).to.deep.equal({
      client_id: clientId,
      response_type: 'code',
      redirect_uri: callbackUrl,
      scope: 'openid profile',
      code_challenge_method: 'S256',
    });
    for (const text of [state, nonce, challenge]) expect(text).to.match(/^[\w-]{43}$/);
    const other = query(two.url);
    expect([other['state'], other['nonce'], other['code_challenge']]).not.to.include.members([state]);
    expect(
      new Set([state, nonce, challenge, other['state'], other['nonce'], other['code_challenge']]).size,
    ).to.equal(6);
    expect(one.maxAgeSeconds).to.equal(600);
    expect(query((await begin('github')).url)).not.to.have.property('nonce');
    expect(await accounts.dump()).not.to.contain(state);
  });

  it('finishes once, in the same browser, within ten minutes', async () => {
    const { url, cookie } = await begin('google');
    const other = await begin('google');
    const back = (await servers.google.visit(url)).searchParams;
    const finish: Oauth['finish'] = (...call) => accounts.oauth.finish(...call);
    for (const [what, attempt] of Object.entries({
      'no cookie': () => finish(back, undefined),
      'another cookie': () => finish(back, other.cookie),
      'a cookie of nobody': () => finish(back, `${cookie.split('.')[0]}.${'A'.repeat(43)}`),
      'a changed cookie': () =>
        finish(back, `${Buffer.from('{}').toString('base64url')}.${cookie.split('.')[1]}`),
      'an odd cookie': () => finish(back, 'x'),
    }))
      expect(await outcomeOf(attempt()), what).to.equal('unauthorized');
    accounts.skew = 600_001;
    expect(await outcomeOf(finish(back, cookie))).to.equal('unauthorized');
    accounts.skew = 0;
    const node = await openTestAccounts({ oauth, database: accounts.database });
    const tries = await Promise.all(
      [accounts, node].map(({ oauth: one }) => outcomeOf(one.finish(back, cookie))),
    );
    expect(tries.sort()).to.deep.equal(['nothing was thrown', 'unauthorized']);
    expect(await outcomeOf(finish(back, cookie))).to.equal('unauthorized');
    await node.close();
    await accounts.audit.drain();
    const refused = await accounts.audit.list({ limit: 100 });
    expect(refused.filter(({ event }) => event === 'access_refused').length).to.be.at.least(7);
  });

  it('finishes also when a new signing key has become the first', async () => {
    const { url, cookie } = await begin('google');
    const back = (await servers.google.visit(url)).searchParams;
    const keys = testKeys(
      'a-new-secret-for-specs-0123456789-abcdefgh',
      'a-secret-for-specs-0123456789-abcdefgh',
    );
    const after = await openTestAccounts({ oauth, database: accounts.database, keys });
    expect((await after.oauth.finish(back, cookie)).user.name).to.equal('Name of somebody');
    await after.close();
  });

  it('refuses an answer that is not from the provider, or not for this server', async () => {
    const resigned =
      (change: (claims: Record<string, unknown>) => object, key: string) => async (text: string) => {
        const { default: jwt } = await import('jsonwebtoken');
        return jwt.sign(change(jwt.decode(text) as Record<string, unknown>), key);
      };
    for (const [what, resign] of Object.entries({
      'as it was': resigned((claims) => claims, clientSecret),
      'another key': resigned((claims) => claims, 'the-key-of-somebody-else-0123456789-0123'),
      'another nonce': resigned((claims) => ({ ...claims, nonce: 'x' }), clientSecret),
      'another audience': resigned((claims) => ({ ...claims, aud: 'x' }), clientSecret),
      'another issuer': resigned((claims) => ({ ...claims, iss: 'http://127.0.0.1' }), clientSecret),
      'too old': resigned((claims) => ({ ...claims, exp: 1 }), clientSecret),
    })) {
      const { url, cookie } = await begin('jaccount');
      const back = (await servers.jaccount.visit(url)).searchParams;
      let answered = '';
      tamper = (place, body) => (place.endsWith('/token') ? (answered = body) : body);
      // The answer has to be known before it can be signed anew: the first attempt tells it, on another node.
      const spy = await openTestAccounts({ oauth });
      await spy.oauth.finish(back, cookie);
      await spy.close();
      const tokens = JSON.parse(answered) as { id_token: string };
      const changed = JSON.stringify({ ...tokens, id_token: await resign(tokens.id_token) });
      const replay: typeof fetch = async (input, init) => {
        const isToken = urlOf(input).endsWith('/token');
        return isToken
          ? new Response(changed, { headers: { 'content-type': 'application/json' } })
          : fetch(input, init);
      };
      const replaying = await openTestAccounts({ oauth: { ...oauth, fetch: replay } });
      const good = what === 'as it was';
      expect(await outcomeOf(replaying.oauth.finish(back, cookie)), what).to.equal(
        good ? 'nothing was thrown' : 'unauthorized',
      );
      expect((await replaying.users.list({ offset: 0, limit: 1 })).total).to.equal(good ? 1 : 0);
      await replaying.close();
    }
    tamper = (url, body) => (url.endsWith('/token') ? body.replace(/("id_token":"[^"]{40})./, '$1_') : body);
    expect(await outcomeOf(signIn('google'))).to.equal('unauthorized');
    tamper = (url, body) => (url.endsWith('/token') ? body.replace(/"id_token":"[^"]*",?/, '') : body);
    expect(await outcomeOf(signIn('jaccount'))).to.equal('unauthorized');
    tamper = (url, body) => (url.endsWith('/profile') ? '{}' : body);
    expect(await outcomeOf(signIn('github'))).to.equal('unauthorized');
    expect(await outcomeOf(signIn('jaccount'))).to.equal('unauthorized');
    expect((await accounts.users.list({ offset: 0, limit: 1 })).total).to.equal(0);
  });

  it('refuses a user who did not agree, and another issuer', async () => {
    const { url, cookie } = await begin('github');
    const back = (await servers.github.visit(url)).searchParams;
    const no = new URLSearchParams({ error: 'access_denied', state: back.get('state')! });
    expect(await outcomeOf(accounts.oauth.finish(no, cookie))).to.equal('unauthorized');
    const again = await begin('github');
    const mixedUp = (await servers.github.visit(again.url)).searchParams;
    mixedUp.set('iss', 'https://evil.example');
    expect(await outcomeOf(accounts.oauth.finish(mixedUp, again.cookie))).to.equal('unauthorized');
  });

  it('accepts the exact names of providers and return URLs only', async () => {
    expect(accounts.oauth.providers).to.deep.equal([
      { name: 'jaccount', title: 'jAccount' },
      { name: 'github', title: 'GitHub' },
      { name: 'google', title: 'Google' },
    ]);
    expect(await outcomeOf(accounts.oauth.begin('constructor', { callbackUrl }))).to.equal('not_found');
    for (const returnTo of [
      'https://panel.example/done',
      `${returnUrl}&y`,
      'https://PANEL.example/done?x=1',
      '//evil',
      '',
    ])
      expect(await outcomeOf(accounts.oauth.begin('github', { callbackUrl, returnTo })), returnTo).to.equal(
        'invalid_request',
      );
    const none = await openTestAccounts();
    expect(none.oauth.providers).to.deep.equal([]);
    expect(await outcomeOf(none.oauth.begin('github', { callbackUrl }))).to.equal('not_found');
    await none.close();
  });

  it('reports a provider that does not answer, and asks it again the next time', async () => {
    let down = true;
    const broken = await openTestAccounts({
      oauth: {
        ...oauth,
        fetch: (input, init) => (down ? Promise.reject(new TypeError('down')) : fetch(input, init)),
      },
    });
    expect(await outcomeOf(broken.oauth.begin('google', { callbackUrl }))).to.equal('unavailable');
    down = false;
    expect((await broken.oauth.begin('google', { callbackUrl })).url).to.contain(servers.google.place.issuer);
    await broken.close();
  });
});
