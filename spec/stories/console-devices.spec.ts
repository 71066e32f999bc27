import { readFileSync } from 'node:fs';
import axe from 'axe-core';
import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { TestApp } from '../support/app.ts';
import { openBrowser } from '../support/browser.ts';
import { openConsoleApp } from '../support/console.ts';
import { needPeer } from '../support/peers.ts';

describe('devices in a browser', function () {
  this.timeout(60_000);
  let browser: Browser;
  let context: BrowserContext;
  let app: TestApp;
  let page: Page;
  before(async function () {
    needPeer(this, 'chromium');
    browser = await openBrowser();
  });
  beforeEach(async () => {
    app = await openConsoleApp();
    context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-US' });
    context.setDefaultTimeout(20_000);
    page = await context.newPage();
    await page.goto(`${app.url}/#/devices`);
  });
  afterEach(async () => {
    await context?.close();
    await app?.close();
  });
  after(() => browser?.close());

  const openSpec = readFileSync('examples/lights.openapi.json', 'utf8');
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  async function faultsOf(): Promise<string[]> {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate<{ violations: { id: string; impact: string }[] }>('axe.run()');
    return violations.filter(({ impact }) => /serious|critical/.test(impact)).map(({ id }) => id);
  }

  it('are added: every fault of the document and the rules is shown with its place, and nothing is saved', async () => {
    await button('Add a device').click();
    await page.getByLabel('Name: small letters, digits and hyphens').fill('house');
    await page.getByLabel('Document 1').fill(openSpec);
    await page.getByLabel('Simulate this device instead of calling it').check();
    await page.getByLabel('Rules, as JSON (optional)').fill('{"calls":[{"tool":["x"]}]}');
    await button('Check and save').click();
    await page.locator('.fault li', { hasText: '/rules/calls/0/tool' }).waitFor();
    expect(await page.locator('.fault code').allInnerTexts()).to.have.members([
      '/rules/calls/0/tool',
      '/rules/calls/0/decision',
    ]);
    expect(await faultsOf()).to.deep.equal([]);
    expect((await app.get('/api/devices')).body).to.deep.equal([]);
    await page.getByLabel('Rules, as JSON (optional)').fill('');
    await button('Check and save').click();
    await button('Talk to it').waitFor();
  });

  it('are called by forms: a dry run shows the request, a call reaches the device, and both stand in the log of writes', async () => {
    const { server } = (await app.post('/api/trial/devices', { openSpec })).body as { server: string };
    const rules = { limits: [{ maxCalls: 9, perSeconds: 60 }] };
    expect((await app.post('/api/devices', { name: 'house', openSpec, server, rules })).status).to.equal(201);
    await page.goto(`${app.url}/#/devices/house`);
    await page.getByText('Limit 1 of the device: at most 9 calls of * in 60 seconds.').waitFor();
    const form = page.getByRole('form', { name: 'switch_light', exact: true });
    await form
      .locator('select, input')
      .nth(0)
      .evaluate((field) => field.scrollIntoView());
    for (const [index, value] of ['kitchen', 'on'].entries()) {
      const field = form.locator('select, input').nth(index);
      if ((await field.evaluate(({ tagName }) => tagName)) === 'SELECT') await field.selectOption(value);
      else await field.fill(value);
    }
    await form.getByRole('button', { name: 'Dry run' }).click();
    await form.getByRole('status').waitFor();
    expect(await form.getByRole('status').innerText()).to.contain('"dryRun": true');
    expect(await faultsOf()).to.deep.equal([]);
    await form.getByRole('button', { name: 'Send' }).click();
    await page.locator('.plain li strong', { hasText: 'done' }).waitFor();
    expect(await page.locator('.plain li strong').allInnerTexts()).to.deep.equal(['done', 'dry_run']);
  });
});
