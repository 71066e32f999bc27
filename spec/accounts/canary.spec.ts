import { expect } from 'chai';
import { goodPassword } from '../support/accounts.ts';
import { outcomeOf } from '../support/refusal.ts';
import { openTestServer, Refused, type TestServer } from '../support/test-server.ts';

describe('a secret', () => {
  let server: TestServer;
  before(async () => {
    server = await openTestServer({ auth: 'required', authToken: 'operator-canary-0123456789' });
  });
  after(() => server.close());

  it('is in no table and in no line of the log, after right and wrong use', async () => {
    const { accounts } = server;
    const user = await accounts.passwords.register({
      username: 'ann',
      email: 'ann@example.com',
      password: goodPassword,
    });
    const who = { username: 'ann' };
    const tokens = await accounts.passwords.signIn({ who, password: goodPassword });
    const child = await accounts.signIns.refresh(tokens.refreshToken);
    const { key } = await accounts.apiKeys.create(user.uuid);
    const code = await accounts.signInCodes.issue(user.uuid, 'github');
    await accounts.textCodes.send('+8613800000000');
    const text = accounts.texts[0]!.code!;
    const secrets: Record<string, string> = {
      password: goodPassword,
      'wrong password': 'a wrong canary password',
      'password as a name': 'a canary where the name belongs',
      'access token': tokens.accessToken,
      'its signature': tokens.accessToken.split('.')[2]!,
      'refresh token': tokens.refreshToken,
      'its child': child.refreshToken,
      key,
      'sign-in code': code,
      'text code': `"${text}"`,
      'operator token': 'operator-canary-0123456789',
    };
    await outcomeOf(accounts.passwords.signIn({ who, password: secrets['wrong password']! }));
    await outcomeOf(
      accounts.passwords.signIn({
        who: { username: secrets['password as a name']! },
        password: goodPassword,
      }),
    );
    await outcomeOf(accounts.textCodes.verify('+8613800000000', '000000'));
    await outcomeOf(accounts.signIns.refresh(`${tokens.refreshToken}x`));
    const call = async (bearer: string) =>
      (await server.call('/api/history?id=nobody', { headers: { authorization: `Bearer ${bearer}` } }))
        .status;
    for (const good of [tokens.accessToken, child.accessToken, key, 'operator-canary-0123456789'])
      expect([await call(good), await call(`${good}x`)]).to.deep.equal([404, 401]);
    expect([await call(tokens.refreshToken), await call(code)]).to.deep.equal([401, 401]);
    for (const protocol of [tokens.accessToken, key, `${key}x`]) {
      const socket = server.connect('/api/chat?id=nobody', ['liteagent', `bearer.${protocol}`]);
      expect(await socket.open().catch((error: unknown) => error)).to.be.instanceOf(Refused);
    }
    const issued = await server.call('/api/ticket', {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
    });
    const { ticket } = (await issued.json()) as { ticket: string };
    secrets['ticket'] = ticket;
    await accounts.audit.drain();
    await accounts.apiKeys.drain();

    const dump = await accounts.dump();
    const log = JSON.stringify(server.log);
    expect(dump).to.contain('ann@example.com').and.to.contain('$argon2id$').and.to.contain('key_used');
    expect(log).to.contain('/api/history');
    for (const [what, secret] of Object.entries(secrets)) {
      expect(dump.includes(secret), `${what} in a table`).to.equal(false);
      expect(log.includes(secret), `${what} in the log`).to.equal(false);
    }
    expect(accounts.errors).to.deep.equal([]);
  });
});
