import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import type { User } from '../../lib/accounts/users.ts';
import { goodPassword, openTestAccounts, testSecret } from '../support/accounts.ts';
import { openTestApp } from '../support/app.ts';
import { openTestServer, Refused, type TestServer, type TestSocket } from '../support/test-server.ts';

describe('sockets and tokens of users', () => {
  let server: TestServer;
  let user: User;
  let count = 0;
  before(async () => {
    server = await openTestServer({ auth: 'required', authToken: 'operator' });
  });
  after(() => server.close());
  beforeEach(async () => {
    count += 1;
    user = await server.accounts.passwords.register({ username: `user-${count}`, password: goodPassword });
  });
  afterEach(() => (server.accounts.skew = 0));

  const begin = () => server.accounts.signIns.begin(user.uuid, { method: 'test' });
  const init = async (bearer: string) => {
    const answer = await server.call('/api/init', {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: '{}',
    });
    return ((await answer.json()) as { id: string }).id;
  };
  const open = async (bearer: string, id?: string): Promise<TestSocket> =>
    server.connect(`/api/chat?id=${id ?? (await init(bearer))}`, ['liteagent', `bearer.${bearer}`]).open();
  const ended = { code: 4401, reason: 'the token has ended: sign in again' };

  it('end with 4401 when the user signs out', async () => {
    const tokens = await begin();
    const [socket, kept] = [await open(tokens.accessToken), await open((await begin()).accessToken)];
    await server.accounts.signIns.end(user.uuid, tokens.signIn);
    expect(await socket.closed).to.deep.equal(ended);
    expect(kept.ws.readyState).to.equal(kept.ws.OPEN);
    await server.accounts.users.disable(user.uuid);
    expect(await kept.closed).to.deep.equal(ended);
  });

  it('end with 4401 when the token is over, also one that a ticket stood for', async () => {
    const { accessToken } = await begin();
    const id = await init(accessToken);
    const answer = await server.call('/api/ticket', {
      method: 'POST',
      headers: { authorization: `Bearer ${accessToken}` },
    });
    const { ticket } = (await answer.json()) as { ticket: string };
    const byTicket = await server.connect(`/api/chat?id=${id}&ticket=${ticket}`).open();
    const byToken = await open(accessToken);
    const operator = await open('operator');
    server.accounts.skew = 15 * 60_000 + 1000;
    expect([await byTicket.closed, await byToken.closed]).to.deep.equal([ended, ended]);
    expect(operator.ws.readyState).to.equal(operator.ws.OPEN);
  });

  it('end with 4401 when a key is revoked, and need one that is for the dialect', async () => {
    const { apiKeys } = server.accounts;
    const key = await apiKeys.create(user.uuid, { dialects: ['liteagent'] });
    const socket = await open(key.key);
    await apiKeys.revoke(user.uuid, key.id);
    expect(await socket.closed).to.deep.equal(ended);
    const other = await apiKeys.create(user.uuid, { dialects: ['openai'] });
    const refused = await open(other.key, 'x').catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(Refused).with.property('status', 403);
  });

  it('are let go when they close first', async () => {
    const tokens = await begin();
    const socket = await open(tokens.accessToken);
    socket.ws.close();
    expect((await socket.closed).code).to.equal(1005);
    await server.accounts.signIns.end(user.uuid, tokens.signIn);
  });
});

describe('a session of a user, in the whole server', () => {
  it('is his own, and its socket ends when another process signs him out', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'token-end-'));
    const databaseUrl = `sqlite:${join(folder, 'agent.db')}`;
    const app = await openTestApp({ DATABASE_URL: databaseUrl, AUTH: 'required', JWT_SECRET: testSecret });
    const elsewhere = await openTestAccounts({ databaseUrl });
    const call = async (path: string, bearer: string, method = 'GET') => {
      const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
      const answer = await fetch(`${app.url}${path}`, {
        method,
        headers,
        ...(method === 'POST' && { body: '{}' }),
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, string> };
    };
    const someone = async (username: string) => {
      const { uuid } = await elsewhere.users.create({ username });
      return elsewhere.signIns.begin(uuid, { method: 'test' });
    };
    const [ann, bob] = [await someone('ann'), await someone('bob')];
    const { id = '' } = (await call('/api/init', ann.accessToken, 'POST')).body;
    for (const [bearer, status] of [
      [ann.accessToken, 200],
      [bob.accessToken, 404],
      [ann.refreshToken, 401],
    ] as const)
      expect((await call(`/api/history?id=${id}`, bearer)).status).to.equal(status);
    const { ticket = '' } = (await call('/api/ticket', ann.accessToken, 'POST')).body;
    const socket = new WebSocket(`${app.url.replace('http', 'ws')}/api/chat?id=${id}&ticket=${ticket}`);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    await elsewhere.signIns.endAll(ann.user.uuid);
    expect((await call(`/api/history?id=${id}`, ann.accessToken)).status).to.equal(401);
    expect((await closed)[0]).to.equal(4401);
    await elsewhere.close();
    await app.close();
    expect(app.complaints).to.deep.equal([
      'nobody can call yet: make a user with `lite-agent user add NAME --role admin`, or set AUTH_TOKEN',
    ]);
    await rm(folder, { recursive: true });
  });
});
