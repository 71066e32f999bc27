import { readFileSync } from 'node:fs';
import axe from 'axe-core';
import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { TestApp } from '../support/app.ts';
import { openBrowser } from '../support/browser.ts';
import { openConsoleApp } from '../support/console.ts';
import { needPeer } from '../support/peers.ts';

describe('people in command, in a browser', function () {
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
    const openSpec = readFileSync('examples/lights.openapi.json', 'utf8');
    const { server } = (await app.post('/api/trial/devices', { openSpec })).body as { server: string };
    const rules = { calls: [{ tools: ['switch_light'], decision: 'ask', approvers: 'owner' }] };
    const made = await app.post('/api/devices', { name: 'house', openSpec, server, rules });
    expect(made.status, JSON.stringify(made.body)).to.equal(201);
    context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US' });
    context.setDefaultTimeout(20_000);
    page = await open('/#/devices');
  });
  afterEach(async () => {
    await context?.close();
    await app?.close();
  });
  after(() => browser?.close());

  async function open(path: string): Promise<Page> {
    const opened = await context.newPage();
    await opened.goto(`${app.url}${path}`);
    return opened;
  }
  const button = (on: Page, name: string) => on.getByRole('button', { name, exact: true });
  async function say(text: string): Promise<void> {
    await page.getByLabel('Message', { exact: true }).fill(text);
    await page.keyboard.press('Enter');
  }
  async function faultsOf(on: Page): Promise<string[]> {
    await on.evaluate(axe.source);
    const { violations } = await on.evaluate<{ violations: { id: string; impact: string }[] }>('axe.run()');
    return violations.filter(({ impact }) => /serious|critical/.test(impact)).map(({ id }) => id);
  }

  it('a registered device is checked, and a call of it is approved on a second screen', async () => {
    await button(page, 'Check it').click();
    await page.getByText('can be reached').waitFor();
    expect(await faultsOf(page)).to.deep.equal([]);
    await button(page, 'Talk to it').click();
    await say('Turn on the kitchen light');
    await page.getByText('Waits for an approval').waitFor();
    const second = await open('/#/approvals');
    await button(second, 'Approve').waitFor();
    expect(await second.locator('.waiting .parameters').innerText()).to.equal('room\nkitchen\npower\non');
    expect(await second.title()).to.equal('(1) LiteAgent');
    expect(await faultsOf(second)).to.deep.equal([]);
    await button(second, 'Approve').click();
    await second.getByText('Nothing waits for a decision.').waitFor();
    await page.locator('.answer', { hasText: 'Done: Switch light' }).waitFor();
  });

  it('a call is rejected in the conversation, with a reason that the model sees', async () => {
    await button(page, 'Talk to it').click();
    await say('Turn on the kitchen light');
    await page.getByLabel('Reason (optional)').fill('They sleep');
    await button(page, 'Reject').click();
    await page.getByText('reject · anonymous · They sleep').waitFor();
    await page.locator('.fault', { hasText: 'They sleep' }).first().waitFor();
  });

  it('the red button stops all devices on every page, until somebody says why it is safe again', async () => {
    await button(page, 'Talk to it').click();
    await page.getByText('Live').first().waitFor();
    await page.locator('.estop-button').click();
    expect(await faultsOf(page)).to.deep.equal([]);
    await button(page, 'Stop all devices').click();
    await page.getByText('All devices are stopped.').waitFor();
    expect(await faultsOf(page)).to.deep.equal([]);
    await say('Set the brightness of the kitchen light to 50');
    await page.locator('.step-state', { hasText: 'failed' }).waitFor();
    expect(await page.locator('.step .fault').innerText()).to.match(/stop/i);
    const second = await open('/#/status');
    await second.getByText('All devices are stopped.').waitFor();
    await button(second, 'Release').click();
    await second.getByLabel('Why it is safe again').fill('The room is empty');
    await button(second, 'Release').click();
    await second.getByText('All devices are stopped.').waitFor({ state: 'detached' });
  });
});
