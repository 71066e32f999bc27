import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { expect } from 'chai';
import { providers } from '../../lib/accounts/providers.ts';
import type { TestApp } from '../support/app.ts';
import { openConsoleApp } from '../support/console.ts';
import { useVisits } from '../support/console-visit.ts';
import { freePort } from '../support/free-port.ts';
import { clientId, clientSecret, openOidcServer, type OidcServer } from '../support/oidc.ts';

describe('signing in to the console in a browser', function () {
  this.timeout(60_000);
  const openVisit = useVisits();
  const ann = { id: 7, name: 'Ann of GitHub' };
  const realGithub = { ...providers.github };
  let app: TestApp;
  let oidc: OidcServer | undefined;
  let webhook: Server | undefined;
  afterEach(async () => {
    await app?.close();
    await oidc?.close();
    webhook?.close();
    Object.assign(providers.github, realGithub);
    oidc = webhook = undefined;
  });

  /** A server whose GitHub is a provider on this machine. */
  async function openWithProvider(): Promise<void> {
    const port = String(await freePort());
    oidc = await openOidcServer({
      issuerPath: '/login/oauth',
      routes: { authorization: '/authorize', token: '/access_token' },
      algorithm: 'RS256',
      callbackUrls: [`http://127.0.0.1:${port}/auth/callback/github`],
    });
    oidc.profile = ann;
    Object.assign(providers.github, oidc.place);
    app = await openConsoleApp({
      AUTH: 'required',
      PORT: port,
      GITHUB_CLIENT_ID: clientId,
      GITHUB_CLIENT_SECRET: clientSecret,
      EGRESS_ALLOW: '127.0.0.1',
    });
  }

  it('goes through a provider, leaves no code in the address, and stays so after a reload', async () => {
    await openWithProvider();
    const person = await openVisit(`${app.url}/`);
    await person.page.getByRole('link', { name: 'Continue with GitHub' }).click();
    await person.seen('New conversation');
    expect(new URL(person.page.url()).search).to.equal('');
    expect(await person.button('Sign out').getAttribute('title')).to.equal('Signed in as Ann of GitHub');
    await person.page.reload();
    await person.seen('New conversation');
    await person.button('Sign out').click();
    await person.page.getByLabel('Password', { exact: true }).waitFor();
    await person.page.reload();
    await person.page.getByLabel('Password', { exact: true }).waitFor();
    expect(person.faults).to.deep.equal([]);
  });

  it('says that a provider names nobody, and leads back to the console', async () => {
    await openWithProvider();
    oidc!.profile = {};
    const person = await openVisit(`${app.url}/`);
    await person.page.getByRole('link', { name: 'Continue with GitHub' }).click();
    await person.seen('Signing in did not work: begin again.');
    oidc!.profile = ann;
    await person.page.getByRole('link', { name: 'Try again' }).click();
    await person.page.getByRole('link', { name: 'Continue with GitHub' }).click();
    await person.seen('New conversation');
    expect(person.faults).to.deep.equal([]);
  });

  it('takes the code that a telephone got', async () => {
    const messages: { telephone: string; code: string }[] = [];
    webhook = createServer((request, response) => {
      void json(request).then((message) => {
        messages.push(message as (typeof messages)[number]);
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(webhook, 'listening');
    const { port } = webhook.address() as AddressInfo;
    app = await openConsoleApp({
      AUTH: 'required',
      SMS_WEBHOOK_URL: `http://127.0.0.1:${port}/sms`,
      EGRESS_ALLOW: '127.0.0.1',
    });
    const { page, button, seen, seriousFaults, faults } = await openVisit(`${app.url}/`);
    await button('Telephone').click();
    await page.getByLabel('Telephone').fill('+86 138 0000 0000');
    await button('Send a code').click();
    await page.getByLabel('Code').fill('000000');
    expect(await seriousFaults()).to.deep.equal([]);
    await button('Sign in').click();
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Code').fill(messages[0]!.code);
    await button('Sign in').click();
    await seen('New conversation');
    await page.reload();
    await seen('New conversation');
    expect([messages.length, faults]).to.deep.equal([1, []]);
  });
});
