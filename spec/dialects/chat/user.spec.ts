import { expect } from 'chai';
import { parseSetCookie } from 'cookie';
import type { AccountTables } from '../../../lib/accounts/schema.ts';
import { onBothEngines, password, registerUser, type ChatWorld } from '../../support/chat-world.ts';

interface Pair {
  access_token: string;
  refresh_token: string;
  token_type: string;
}

onBothEngines('the users of the chat dialect', (open) => {
  let world: ChatWorld;
  before(async () => {
    world = await open();
  });
  after(() => world.close());

  const refreshes = async (token: string) => (await world.call('POST', '/user/refresh', { token })).status;
  const isIn = async (token: string) => (await world.call('GET', '/user/me', { token })).status === 200;

  for (const place of ['/api/v1', ''])
    it(`register, sign in and say who they are, under ${place || '/'}`, async () => {
      const user = { email: `a${place.length}@example.com`, username: `ann ${place.length}`, password };
      const registered = await world.call('POST', `${place}/user/register`, { body: user });
      expect(registered.status).to.equal(200);
      expect(Object.keys(registered.body as Pair)).to.deep.equal([
        'access_token',
        'refresh_token',
        'token_type',
      ]);
      expect((registered.body as Pair).token_type).to.equal('bearer');
      const { value, ...cookie } = parseSetCookie(registered.headers.get('set-cookie') ?? '');
      expect(value).to.match(/^rt_[\w-]+$/);
      expect(cookie).to.deep.equal({
        name: 'refresh_token',
        path: '/',
        maxAge: 2_592_000,
        httpOnly: true,
        sameSite: 'strict',
      });
      const { email } = user;
      const pair = await world.ok<Pair>(200, 'POST', `${place}/user/login`, { body: { email, password } });
      expect(pair.token_type).to.equal('bearer');
      const me = await world.ok(200, 'GET', `${place}/user/me`, { token: pair.access_token });
      expect(me).to.deep.equal({ username: user.username, email, groups: ['user'] });
    });

  it('get an error for a name that is taken, and for a bad one', async () => {
    const user = await registerUser(world);
    const body = { email: 'new@example.com', username: 'somebody new', password };
    const register = (more: object) => world.call('POST', '/user/register', { body: { ...body, ...more } });
    expect(await register({ email: user.email.toUpperCase() })).to.deep.include({
      status: 409,
      body: { detail: 'The email is taken.' },
    });
    expect((await register({ username: user.username })).status).to.equal(409);
    for (const bad of [
      { email: 'nobody' },
      { username: '' },
      { username: 'x'.repeat(51) },
      { username: 7 },
      { password: 'short' },
      { password: undefined },
    ]) {
      const answer = await register(bad);
      expect([answer.status, Object.keys(answer.body as object)]).to.deep.equal([422, ['detail']]);
    }
    const broken = await world.call('POST', '/user/register', { body: '{"email":' });
    expect(broken.status).to.equal(422);
  });

  it('get one text for every cause when they cannot sign in', async () => {
    const { email } = await registerUser(world);
    const answers = await Promise.all(
      [
        { email, password: 'not this one' },
        { email: 'nobody@example.com', password },
      ].map((body) => world.call('POST', '/user/login', { body })),
    );
    for (const { status, body } of answers)
      expect([status, body]).to.deep.equal([401, { detail: 'The name or the password is wrong.' }]);
  });

  it('take a new pair for a refresh token, by bearer or cookie; the old one is dead', async () => {
    const user = await registerUser(world);
    const next = await world.ok<Pair>(200, 'POST', '/user/refresh', { token: user.refresh });
    // The answer may have been lost: for ten seconds it is the same new token.
    const again = await world.ok<Pair>(200, 'POST', '/user/refresh', { token: user.refresh });
    expect(again.refresh_token).to.equal(next.refresh_token);
    const headers = { cookie: `a=b; refresh_token=${next.refresh_token}` };
    const third = await world.ok<Pair>(200, 'POST', '/user/refresh', { headers });
    expect(await refreshes(user.refresh)).to.equal(401);
    expect(await refreshes(third.refresh_token)).to.equal(401); // it was stolen: nobody knows by whom
  });

  it('are not let in with the other kind of token', async () => {
    const user = await registerUser(world);
    const wrong = await world.call('GET', '/user/me', { token: user.refresh });
    expect([wrong.status, Object.keys(wrong.body as object)]).to.deep.equal([401, ['detail']]);
    expect(await refreshes(user.access)).to.equal(401);
    expect((await world.call('POST', '/user/logout', { token: user.access })).status).to.equal(401);
    const body = { password: 'another good one' };
    expect((await world.call('POST', '/user/me/password', { token: user.access, body })).status).to.equal(
      401,
    );
    for (const path of ['/user/refresh', '/user/logout'])
      expect((await world.call('POST', path)).body).to.deep.equal({ detail: 'A refresh token is needed.' });
    expect((await world.call('GET', '/user/me')).status).to.equal(401);
  });

  it('change their username and e-mail', async () => {
    const [user, other] = [await registerUser(world), await registerUser(world)];
    const change = (field: 'username' | 'email', value: unknown) =>
      world.call('POST', `/user/me/${field}`, { token: user.access, body: { [field]: value } });
    expect(await change('username', 'Bea')).to.deep.include({ status: 202, body: {} });
    expect((await change('email', 'bea@example.com')).status).to.equal(202);
    const me = await world.ok(200, 'GET', '/user/me', { token: user.access });
    expect(me).to.deep.equal({ username: 'Bea', email: 'bea@example.com', groups: ['user'] });
    expect((await change('username', 'Bea')).status).to.equal(400);
    expect((await change('email', 'bea@example.com')).status).to.equal(400);
    expect((await change('username', other.username)).status).to.equal(409);
    expect((await change('email', other.email)).status).to.equal(409);
    expect((await change('username', '')).status).to.equal(422);
    expect((await change('email', 'x')).status).to.equal(422);
    const gone = await world.call('POST', '/user/login', { body: { email: user.email, password } });
    expect(gone.status).to.equal(401);
  });

  it('change their password, which ends all other sign-ins', async () => {
    const user = await registerUser(world);
    const login = { email: user.email, password };
    const elsewhere = await world.ok<Pair>(200, 'POST', '/user/login', { body: login });
    const set = (body: object, token = user.refresh) =>
      world.call('POST', '/user/me/password', { token, body });
    expect((await set({ password: 'short' })).status).to.equal(400);
    expect((await set({ password, old_password: password })).status).to.equal(400);
    expect((await set({})).status).to.equal(422);
    const changed = await set({ password: 'a whole new thing' });
    expect([changed.status, (changed.body as Pair).token_type]).to.deep.equal([200, 'bearer']);
    const fresh = changed.body as Pair;
    for (const old of [user.access, elsewhere.access_token]) expect(await isIn(old)).to.equal(false);
    for (const old of [user.refresh, elsewhere.refresh_token]) expect(await refreshes(old)).to.equal(401);
    expect(await isIn(fresh.access_token)).to.equal(true);
    expect(await refreshes(fresh.refresh_token)).to.equal(200);
    expect((await world.call('POST', '/user/login', { body: login })).status).to.equal(401);
  });

  it('need the old password when they signed in long ago', async () => {
    const user = await registerUser(world);
    await world.sql<AccountTables, unknown>((db) =>
      db
        .updateTable('sign_ins')
        .set(({ eb }) => ({ created_at: eb('created_at', '-', 11 * 60_000) }))
        .execute(),
    );
    const set = (body: object) => world.call('POST', '/user/me/password', { token: user.refresh, body });
    const refused = await set({ password: 'a whole new thing' });
    expect([refused.status, Object.keys(refused.body as object)]).to.deep.equal([403, ['detail']]);
    expect((await set({ password: 'a whole new thing', old_password: 'wrong' })).status).to.equal(403);
    expect((await set({ password: 'a whole new thing', old_password: password })).status).to.equal(200);
  });

  it('sign out', async () => {
    const user = await registerUser(world);
    const out = await world.call('POST', '/user/logout', { token: user.refresh });
    expect([out.status, out.body]).to.deep.equal([200, {}]);
    const forgotten = parseSetCookie(out.headers.get('set-cookie') ?? '');
    expect(forgotten).to.deep.include({ name: 'refresh_token', value: '', path: '/', maxAge: 0 });
    expect(await isIn(user.access)).to.equal(false);
    expect(await refreshes(user.refresh)).to.equal(401);
    expect((await world.call('POST', '/user/logout', { token: user.refresh })).status).to.equal(401);
  });
});
