import { expect } from 'chai';
import { parseSetCookie } from 'cookie';
import { request } from 'undici';
import { readConfig } from '../../../lib/config.ts';
import { openai } from '../../../lib/dialects/openai/openai.ts';
import { authRoutes } from '../../../lib/dialects/openai/auth-routes.ts';
import { formatOpenAiError } from '../../../lib/dialects/openai/errors.ts';
import { pageRoutes } from '../../../lib/dialects/openai/page-routes.ts';
import { openServer, type OpenServer } from '../../../lib/server/server.ts';
import { goodPassword, openTestAccounts, type TestAccounts } from '../../support/accounts.ts';
import { clientId, clientSecret, openOidcServer, type OidcServer } from '../../support/oidc.ts';
import { openOpenAiDocument } from '../../support/openai-document.ts';

const document = openOpenAiDocument();
const publicUrl = 'http://127.0.0.1:9527';
const returnUrl = 'https://panel.example/done?x=1';

interface Tokens {
  token: string;
  token_type: string;
  expires_in: number;
  refresh_token: string;
  user: { uuid: string; name: string };
}

describe('signing in over HTTP', () => {
  let jaccount: OidcServer;
  let accounts: TestAccounts;
  let server: OpenServer;
  before(async () => {
    jaccount = await openOidcServer({
      issuerPath: '/oauth2/',
      routes: { authorization: '/authorize', token: '/token' },
      algorithm: 'HS256',
      callbackUrls: [`${publicUrl}/auth/callback/jaccount`],
    });
    jaccount.profile = { entities: [{ code: '5210309', name: '张三' }] };
    accounts = await openTestAccounts({
      oauth: {
        secrets: { jaccount: { clientId, clientSecret } },
        returnUrls: [returnUrl],
        fetch,
        places: { jaccount: jaccount.place },
      },
    });
    server = await open(accounts, publicUrl);
  });
  after(async () => {
    await server.close();
    await accounts.close();
    await jaccount.close();
    expect(accounts.errors).to.deep.equal([]);
  });

  function open(over: TestAccounts, url: string | undefined): Promise<OpenServer> {
    const config = { ...readConfig({ env: {}, cwd: '/' }), port: 0, publicUrl: url };
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const { access, firstRequests } = over;
    const routes = [...authRoutes({ accounts: over, access }), ...pageRoutes({ accounts: over })];
    const shape = { name: openai.name, prefixes: ['/v1', '/auth'], sockets: [], anonymous: undefined };
    const mounts = [{ ...shape, routes, formatError: formatOpenAiError }];
    return openServer({ config, mounts, access, firstRequests, log });
  }

  /** A browser's request: fetch would write the Sec-Fetch headers itself. */
  async function get(
    path: string,
    headers: Record<string, string> = {},
    method: 'GET' | 'HEAD' = 'GET',
  ): Promise<Response> {
    const answer = await request(`${server.url}${path}`, { headers, method });
    const known = Object.entries(answer.headers).map(
      ([name, value]) => [name, String(value)] as [string, string],
    );
    return new Response(await answer.body.text(), { status: answer.statusCode, headers: known });
  }
  async function post(path: string, body: object, headers: Record<string, string> = {}) {
    const init = {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    };
    const response = await fetch(`${server.url}${path}`, init);
    const answer = (await response.json()) as Tokens;
    if (!response.ok) document?.expectValid('ErrorResponse', answer);
    return { status: response.status, body: answer };
  }

  /** Goes to the provider and back as a browser does; gives the last answer. */
  async function signIn(start: string, alias = false): Promise<Response> {
    const begun = await get(start);
    expect(begun.status).to.equal(302);
    const cookie = begun.headers.get('set-cookie')!;
    const { value, ...attributes } = parseSetCookie(cookie);
    expect(value).to.match(/^.+$/);
    expect(attributes).to.deep.equal({
      name: 'lite_agent_sign_in',
      path: '/auth',
      maxAge: 600,
      httpOnly: true,
      sameSite: 'lax',
    });
    const back = await jaccount.visit(begun.headers.get('location')!);
    const path = alias ? '/auth/login' : back.pathname;
    return get(`${path}${back.search}`, {
      cookie: cookie.split(';')[0]!,
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
    });
  }

  it('goes by a button to the provider, back to the application, and on with tokens', async () => {
    const page = await (await get('/auth')).text();
    expect(page).to.contain('href="/auth/login/jaccount"').and.to.contain('Continue with jAccount');
    expect(page).to.not.contain('GitHub');
    const start = `/auth/login/jaccount?return_to=${encodeURIComponent(returnUrl)}`;
    const back = await signIn(start);
    const place = new URL(back.headers.get('location')!);
    expect([back.status, place.origin + place.pathname, place.searchParams.get('x')]).to.deep.equal([
      302,
      'https://panel.example/done',
      '1',
    ]);
    const code = place.searchParams.get('code');
    const { status, body } = await post('/auth/exchange', { code });
    expect(status).to.equal(200);
    expect(Object.keys(body)).to.have.members(['token', 'token_type', 'expires_in', 'refresh_token', 'user']);
    expect([body.token_type, body.expires_in, body.user.name]).to.deep.equal(['Bearer', 900, '张三']);
    const claims = JSON.parse(Buffer.from(body.token.split('.')[1]!, 'base64url').toString()) as object;
    expect(claims).to.deep.include({ uuid: body.user.uuid, name: '张三' });
    expect((await post('/auth/exchange', { code })).status).to.equal(401);
    const again = await signIn('/auth/login/jaccount', true);
    const done = new URL(again.headers.get('location')!);
    expect(done.href).to.match(/^http:\/\/127\.0\.0\.1:9527\/auth\/done\?code=[\w-]+$/);
    const known = await post('/auth/exchange', { code: done.searchParams.get('code') });
    expect(known.body.user).to.deep.equal(body.user);
  });

  it('refuses other places to return to, other browsers, and used states', async () => {
    for (const place of ['https://evil.example/', `${returnUrl}&y=2`, '/auth/done', 'javascript:alert(1)']) {
      const refused = await get(`/auth/login/jaccount?return_to=${encodeURIComponent(place)}`);
      expect(refused.status, place).to.equal(400);
      expect(((await refused.json()) as { error: { param: string } }).error.param).to.equal('return_to');
    }
    expect((await get('/auth/login/github')).status).to.equal(404);
    const begun = await get('/auth/login/jaccount');
    const back = await jaccount.visit(begun.headers.get('location')!);
    const path = `${back.pathname}${back.search}`;
    const cookie = begun.headers.get('set-cookie')!.split(';')[0]!;
    expect((await get(path)).status).to.equal(401);
    expect((await get(path, { cookie: 'lite_agent_sign_in=x.y' })).status).to.equal(401);
    expect((await get(path, { cookie }, 'HEAD')).status).to.equal(404); // which finishes nothing
    expect((await get(path, { cookie })).status).to.equal(302);
    expect((await get(path, { cookie })).status).to.equal(401);
    const shown = await get('/auth/callback/jaccount?error=access_denied&state=x', { accept: 'text/html' });
    expect([shown.status, shown.headers.get('content-type')]).to.deep.equal([
      401,
      'text/html; charset=utf-8',
    ]);
    expect(await shown.text())
      .to.contain('Signing in did not work')
      .and.to.contain('href="/auth"');
  });

  it('shows pages that load nothing, run nothing else, and stand in no frame', async () => {
    for (const [path, script] of [
      ['/auth', false],
      ['/auth/done', true],
    ] as const) {
      const page = await get(path);
      const html = await page.text();
      const policy = page.headers.get('content-security-policy')!;
      const nonce = /style-src 'nonce-([^']+)'/.exec(policy)![1]!;
      expect(policy).to.contain("default-src 'none'").and.to.contain("frame-ancestors 'none'");
      expect(policy.includes('script-src')).to.equal(script);
      expect(page.headers.get('referrer-policy')).to.equal('no-referrer');
      expect(html).to.contain(`<style nonce="${nonce}">`);
      expect(html).to.not.match(/\b(src|href)="(https?:)?\/\//);
      expect(html).to.not.match(/\son\w+=|style="/);
    }
    expect(await (await get('/auth', { 'accept-language': 'zh-CN,en;q=0.5' })).text()).to.contain(
      '使用 jAccount 登录',
    );
    const escaped = await (await get(`/auth?return_to=${encodeURIComponent('"><script>')}`)).text();
    expect(escaped).to.not.contain('<script>');
  });

  it('says how, when no provider is configured', async () => {
    const bare = await openTestAccounts({ database: accounts.database });
    const other = await open(bare, undefined);
    try {
      const html = await (await fetch(`${other.url}/auth`)).text();
      expect(html).to.contain('GITHUB_CLIENT_ID').and.to.contain(`${other.url}/auth/callback/github`);
      expect((await fetch(`${other.url}/auth/login/github`, { redirect: 'manual' })).status).to.equal(404);
    } finally {
      await other.close();
      await bare.close();
    }
  });

  it('lets links of other sites lead to the pages, and to nothing else', async () => {
    const foreign = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect((await get('/auth', foreign)).status).to.equal(200);
    expect((await get('/auth', { ...foreign, 'sec-fetch-mode': 'no-cors' })).status).to.equal(403);
    expect((await get('/auth/refresh', foreign)).status).to.equal(403);
  });

  it('goes by a code sent to a telephone', async () => {
    const telephone = '+8613800138000';
    expect(await post('/auth/sms/send', { telephone })).to.deep.equal({
      status: 202,
      body: { object: 'sms', sent: true },
    });
    expect((await post('/auth/sms/send', { telephone })).status).to.equal(429);
    const { code } = accounts.texts.at(-1)!;
    expect((await post('/auth/sms/verify', { telephone, code: '000000x' })).status).to.equal(401);
    const { status, body } = await post('/auth/sms/verify', { telephone, code });
    expect([status, body.user.name]).to.deep.equal([200, 'user …8000']);
    expect((await post('/auth/sms/verify', { telephone, code })).status).to.equal(401);
    expect((await post('/auth/sms/send', { telephone: 'call me' })).status).to.equal(400);
  });

  it('is renewed by the refresh token, and ended by either token', async () => {
    const user = await accounts.passwords.register({ username: 'refreshing', password: goodPassword });
    const begin = () => accounts.signIns.begin(user.uuid, { method: 'test' });
    const { refreshToken } = await begin();
    const next = await post('/auth/refresh', { refresh_token: refreshToken });
    expect(next.status).to.equal(200);
    expect(next.body.refresh_token).to.not.equal(refreshToken);
    expect((await post('/auth/refresh', { refresh_token: next.body.token })).status).to.equal(401);
    const bearer = { authorization: `Bearer ${next.body.token}` };
    expect((await post('/auth/logout', {}, bearer)).body).to.deep.equal({
      object: 'session.deleted',
      deleted: true,
    });
    expect((await post('/auth/refresh', { refresh_token: next.body.refresh_token })).status).to.equal(401);
    expect((await post('/auth/logout', {}, bearer)).status).to.equal(401);
    expect((await post('/auth/logout', {})).status).to.equal(401);
    const other = await begin();
    expect((await post('/auth/logout', { refresh_token: other.refreshToken })).status).to.equal(200);
    expect((await post('/auth/refresh', { refresh_token: other.refreshToken })).status).to.equal(401);
    const { key } = await accounts.apiKeys.create(user.uuid);
    expect((await post('/auth/logout', {}, { authorization: `Bearer ${key}` })).status).to.equal(403);
  });
});
