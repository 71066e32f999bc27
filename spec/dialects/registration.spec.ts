import { expect } from 'chai';
import { packageRoot } from '../../lib/package.ts';
import { readSources } from '../support/sources.ts';
import { openTestAccounts, goodPassword, type TestAccounts } from '../support/accounts.ts';
import { outcomeOf, refusalOf } from '../support/refusal.ts';
import { openThreadServer, type Answer, type ThreadServer } from '../support/threads.ts';
import { startWeChatServer, type WeChatServer } from '../support/wechat-server.ts';

const closed =
  'This server takes no registrations: ask an admin for an account (`lite-agent user add NAME`).';
let count = 0;

/** Every way in which a stranger makes an account for himself; each makes a new one. */
function waysIn(server: ThreadServer, wechat: WeChatServer): Record<string, () => Promise<Answer>> {
  const person = () => {
    count += 1;
    return { username: `person ${count}`, email: `p${count}@example.com`, password: goodPassword };
  };
  return {
    'POST /user/register': () => server.call('POST', '/user/register', person()),
    'POST /api/v1/user/register': () => server.call('POST', '/api/v1/user/register', person()),
    'POST /api/v1/users': () => server.call('POST', '/api/v1/users', person()),
    'POST /auth/sms/verify': async () => {
      const telephone = `+8613800138${String((count += 1)).padStart(3, '0')}`;
      await server.accounts.textCodes.send(telephone);
      const { code } = server.accounts.texts.at(-1)!;
      return server.call('POST', '/auth/sms/verify', { telephone, code });
    },
    'GET /api/v1/session/wechat/token': () =>
      server.call('GET', `/api/v1/session/wechat/token?code=${wechat.login(`openid ${(count += 1)}`)}`),
  };
}

describe('registration', () => {
  let wechat: WeChatServer;
  let server: ThreadServer | undefined;
  before(async () => {
    wechat = await startWeChatServer();
  });
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });
  after(() => wechat.close());

  async function open(mode: 'closed' | 'approval' | 'open'): Promise<ThreadServer> {
    server = await openThreadServer({
      AUTH: 'required',
      REGISTRATION: mode,
      WECHAT_APPID: wechat.appid,
      WECHAT_SECRET: wechat.secret,
      WECHAT_BASE_URL: wechat.url,
    });
    return server;
  }
  const approvals = async ({ accounts }: ThreadServer): Promise<boolean[]> =>
    (await accounts.users.list({ offset: 0, limit: 100 })).users.map(({ approved }) => approved);

  it('makes nobody a user where it is closed, in whichever way, and says what to do', async () => {
    const running = await open('closed');
    for (const [way, enter] of Object.entries(waysIn(running, wechat))) {
      const { status, body } = await enter();
      expect([status, JSON.stringify(body).includes(closed)], way).to.deep.equal([403, true]);
    }
    expect(await running.accounts.users.count()).to.equal(0);
  });

  it('still signs in the users that are there, and lets admins make others', async () => {
    const running = await open('closed');
    const first = await running.accounts.identities.userOf(
      { provider: 'wechat', issuer: wechat.appid, subject: 'known' },
      { username: 'known' },
    );
    const path = `/api/v1/session/wechat/token?code=${wechat.login('known')}`;
    expect((await running.call('GET', path)).status).to.equal(200);
    const admin = await running.caller('admin', 'admin');
    const user = await running.caller('user');
    const body = { username: 'made by an admin', password: goodPassword };
    expect((await user.call('POST', '/api/v1/users', body)).status).to.equal(403);
    expect((await running.as('nonsense')('POST', '/api/v1/users', body)).status).to.equal(403);
    expect((await admin.call('POST', '/api/v1/users', body)).status).to.equal(200);
    const names = (await running.accounts.users.list({ offset: 0, limit: 9 })).users;
    expect(names.map(({ username, approved }) => [username, approved])).to.deep.equal([
      [first.username, true],
      ['admin', true],
      ['user', true],
      ['made by an admin', true],
    ]);
  });

  it('makes users who wait for an approval, in whichever way', async () => {
    const running = await open('approval');
    for (const [way, enter] of Object.entries(waysIn(running, wechat)))
      expect((await enter()).status, way).to.equal(200);
    expect(await approvals(running)).to.deep.equal([false, false, false, false, false]);
  });

  it('makes users who may do everything where it is open and only this machine can come in', async () => {
    const running = await open('open');
    for (const enter of Object.values(waysIn(running, wechat))) expect((await enter()).status).to.equal(200);
    expect(await approvals(running)).to.deep.equal([true, true, true, true, true]);
  });

  it('lets a new user chat, and bring documents once an admin has approved it', async () => {
    const running = await open('approval');
    const { body } = await running.call('POST', '/user/register', {
      username: 'newcomer',
      email: 'newcomer@example.com',
      password: goodPassword,
    });
    const call = running.as((body as { access_token: string }).access_token);
    const admin = await running.caller('admin', 'admin');
    const me = (await call('GET', '/api/v1/users/me')).body as { id: number };
    expect(me).to.deep.include({ username: 'newcomer', permission: 1, approved: false });
    const withDocument = () => call('POST', '/api/init', { openSpecList: [{ openSpec: '{}' }] });
    expect((await call('POST', '/api/init', {})).status).to.equal(200);
    expect((await withDocument()).status).to.equal(403);
    expect((await call('POST', `/api/v1/users/${me.id}/approve`)).status).to.equal(403);
    const approved = await admin.call('POST', `/api/v1/users/${me.id}/approve`);
    expect([approved.status, (approved.body as object)['approved' as keyof object]]).to.deep.equal([
      200,
      undefined,
    ]);
    expect((await admin.call('POST', '/api/v1/users/999999/approve')).status).to.equal(404);
    expect((await withDocument()).status).to.equal(400); // it is let in, and the document is empty
    const [entry] = await running.accounts.audit.list({ limit: 1 });
    expect(entry).to.deep.include({ event: 'user_approved', detail: { by: admin.user.uuid } });
  });
});

describe('the places that make a user', () => {
  const sources = readSources(packageRoot(), ['lib']);
  const placesOf = (pattern: RegExp) =>
    sources.filter(({ text }) => pattern.test(text)).map(({ path }) => path);

  it('are these, so that no way to make oneself an account passes registration by', () => {
    expect(placesOf(/insertInto\('users'\)/)).to.deep.equal(['lib/accounts/users.ts']);
    expect(placesOf(/\binsertUser\(/)).to.deep.equal(['lib/accounts/identities.ts', 'lib/accounts/users.ts']);
    expect(placesOf(/\busers\.register\(/)).to.deep.equal(['lib/accounts/password-sign-ins.ts']);
    expect(placesOf(/\bregistration\.admit\(/)).to.deep.equal([
      'lib/accounts/identities.ts',
      'lib/accounts/password-sign-ins.ts',
    ]);
    // Operators and admins make users without it.
    expect(placesOf(/\busers\.create\(/)).to.deep.equal(['lib/accounts/password-sign-ins.ts']);
    expect(placesOf(/\bpasswords(\.create\(|\[make\])/)).to.deep.equal([
      'lib/cli/user.ts',
      'lib/dialects/aideer/user-routes.ts',
    ]);
  });
});

describe('registration in the accounts', () => {
  let accounts: TestAccounts;
  afterEach(() => accounts.close());

  const github = (subject: string) => ({ provider: 'github', issuer: 'https://github.com', subject });

  it('asks for an approval where it is open and other machines can come in', async () => {
    accounts = await openTestAccounts({ registration: { mode: 'open', reachable: true } });
    const register = await accounts.passwords.register({ username: 'ann', password: goodPassword });
    const identity = await accounts.identities.userOf(github('1'), { name: 'Bob' });
    const made = await accounts.passwords.create({ username: 'cleo', password: goodPassword });
    expect([register, identity, made].map(({ approved }) => approved)).to.deep.equal([false, false, true]);
  });

  it('is closed to new people of providers, and lets known users in', async () => {
    accounts = await openTestAccounts({ registration: { mode: 'closed', reachable: false } });
    const { uuid } = await accounts.users.create({ username: 'ann' });
    await accounts.identities.add(uuid, github('1'));
    expect((await accounts.identities.userOf(github('1'), { name: 'Ann' })).uuid).to.equal(uuid);
    expect((await refusalOf(accounts.identities.userOf(github('2'), { name: 'Bob' }))).message).to.equal(
      closed,
    );
  });

  it('takes a hundred accounts a day from one network, taken names included, and others from elsewhere', async () => {
    accounts = await openTestAccounts();
    const register = (at: number, address: string) =>
      outcomeOf(
        accounts.passwords.register({ username: `u${at % 90}`, password: goodPassword }, { address }),
      );
    const outcomes: string[] = [];
    for (let at = 0; at < 101; at += 1) outcomes.push(await register(at, `192.0.2.${at}`));
    expect(outcomes.filter((outcome) => outcome === 'nothing was thrown')).to.have.length(90);
    expect(outcomes.slice(90)).to.deep.equal([
      ...Array.from({ length: 10 }, () => 'conflict'),
      'too_many_requests',
    ]);
    expect(await register(1000, '198.51.100.1')).to.equal('conflict');
    const other = accounts.identities.userOf(github('3'), { name: 'Bob' }, { address: '192.0.2.200' });
    expect(await outcomeOf(other)).to.equal('too_many_requests');
    accounts.skew = 24 * 3600_000 + 60_000;
    expect(await register(1000, '192.0.2.1')).to.equal('conflict');
  });
});
