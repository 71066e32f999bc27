import { expect } from 'chai';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { openAccounts } from '../../lib/accounts/accounts.ts';
import { accountsFromConfig } from '../../lib/accounts/from-config.ts';
import type { AccountTables } from '../../lib/accounts/schema.ts';
import { readConfig } from '../../lib/config.ts';
import { egressFetch } from '../../lib/drivers/egress-fetch.ts';
import { openEgress, type Egress } from '../../lib/drivers/egress.ts';
import { quiet } from '../../lib/log.ts';
import { connectDatabase, type Database } from '../../lib/store/database.ts';
import { goodPassword, testSecret } from '../support/accounts.ts';
import { callbackUrl, clientId, clientSecret, openOidcServer } from '../support/oidc.ts';

describe('accounts by their settings', () => {
  let database: Database;
  let egress: Egress;
  const lines: [object, string][] = [];
  const log = {
    ...quiet,
    info: (fields: object, line: string) => void lines.push([fields, line]),
    error: (fields: object, line: string) => void lines.push([fields, line]),
  };
  beforeEach(async () => {
    lines.length = 0;
    database = await connectDatabase({ databaseUrl: 'sqlite::memory:', onError: () => {} });
    egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
  });
  afterEach(async () => {
    await egress.close();
    await database.close();
  });

  const settingsOf = (env: Record<string, string>) => {
    const config = readConfig({
      env: { DATABASE_URL: 'sqlite::memory:', JWT_SECRET: testSecret, ...env },
      cwd: '/',
    });
    return { ...accountsFromConfig(config, log, egressFetch(egress)), db: database.tables<AccountTables>() };
  };

  it('sign in at the configured providers, with all requests through the egress', async () => {
    const oidc = await openOidcServer({
      issuerPath: '/login/oauth',
      routes: { authorization: '/authorize', token: '/access_token' },
      algorithm: 'RS256',
    });
    oidc.profile = { id: 7, name: 'Ann' };
    const settings = settingsOf({
      GITHUB_CLIENT_ID: clientId,
      GITHUB_CLIENT_SECRET: clientSecret,
      RETURN_URLS: 'https://panel.example/done',
    });
    const accounts = openAccounts({
      ...settings,
      oauth: { ...settings.oauth, places: { github: oidc.place } },
    });
    expect(accounts.oauth.providers).to.deep.equal([{ name: 'github', title: 'GitHub' }]);
    const { url, cookie } = await accounts.oauth.begin('github', {
      callbackUrl,
      returnTo: 'https://panel.example/done',
    });
    const { user } = await accounts.oauth.finish((await oidc.visit(url)).searchParams, cookie);
    expect(user.name).to.equal('Ann');
    await accounts.close();
    await oidc.close();
  });

  it('send codes to the webhook, or into the log without one', async () => {
    const bodies: unknown[] = [];
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        bodies.push(JSON.parse(body));
        response.end('thank you');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const hooked = openAccounts(settingsOf({ SMS_WEBHOOK_URL: `http://127.0.0.1:${port}/send` }));
    await hooked.textCodes.send('+86 138-0000-0000');
    expect(bodies).to.have.length(1);
    expect(bodies[0]).to.include({ telephone: '+8613800000000' });
    expect(lines).to.deep.equal([]);
    await hooked.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const logged = openAccounts(settingsOf({}));
    await logged.textCodes.send('+8613900000000');
    expect(lines).to.have.length(1);
    expect(lines[0]![1]).to.match(/^SMS: Your code is \d{6}\./);
    await logged.close();
  });

  it('wait for an approval where a proxy lets strangers register', async () => {
    const approvedWith = async (env: Record<string, string>): Promise<boolean> => {
      const accounts = openAccounts(settingsOf({ REGISTRATION: 'open', ...env }));
      const username = `u${Object.keys(env).length}`;
      const { approved } = await accounts.passwords.register({ username, password: goodPassword });
      await accounts.close();
      return approved;
    };
    expect(await approvedWith({})).to.equal(true);
    expect(await approvedWith({ PUBLIC_URL: 'https://agent.example' })).to.equal(false);
  });

  it('log an entry that could not be stored', async () => {
    const accounts = openAccounts(settingsOf({ AUTH_TOKEN: 'token-of-the-specs' }));
    await database.db.schema.dropTable('audit').execute();
    accounts.access.refused(await accounts.access.identify('token-of-the-specs'), {}, '/v1/threads');
    await accounts.close();
    expect(lines.map(([, line]) => line)).to.deep.equal(['accounts: an entry could not be stored']);
  });
});
