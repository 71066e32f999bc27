import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { texts, type Language } from '../../lib/console/texts/texts.ts';
import type { TestApp } from '../support/app.ts';
import { openConsoleApp } from '../support/console.ts';
import { useVisits, type Visit } from '../support/console-visit.ts';
import { waitFor } from '../support/wait-for.ts';

/** More presses than any page has places. */
const PRESSES_MAX_COUNT = 60;

describe('the console without a mouse', function () {
  this.timeout(90_000);
  const visit = useVisits();
  let app: TestApp;
  let person: Visit;
  let page: Page;

  beforeEach(async () => {
    app = await openConsoleApp();
    const openSpec = readFileSync('examples/lights.openapi.json', 'utf8');
    const { server } = (await app.post('/api/trial/devices', { openSpec })).body as { server: string };
    const rules = { calls: [{ tools: ['switch_light'], decision: 'ask', approvers: 'owner' }] };
    const made = await app.post('/api/devices', { name: 'house', openSpec, server, rules });
    expect(made.status, JSON.stringify(made.body)).to.equal(201);
  });
  afterEach(() => app?.close());

  async function open(path: string, locale = 'en-US'): Promise<void> {
    person = await visit(`${app.url}${path}`, { locale });
    page = person.page;
  }

  /** The name of the element with the focus; `nothing` where no element has it. */
  const focused = (): Promise<string> =>
    page.evaluate(`(() => {
      const { activeElement: it } = document;
      if (!it || it === document.body) return 'nothing';
      const label = it.labels?.[0]?.textContent;
      const own = it.matches('main, section, form, li') ? it.tagName.toLowerCase() : it.textContent;
      return (it.getAttribute('aria-label') ?? label ?? own).trim();
    })()`);
  const hasFocus = (name: string): Promise<void> =>
    waitFor(async () => (await focused()) === name, 10_000).catch(async () => {
      expect(await focused()).to.equal(name);
    });
  const press = (...keys: string[]): Promise<void> =>
    keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());

  /** Presses a key until the element with a name has the focus. */
  async function moveTo(name: string | RegExp, key = 'Tab'): Promise<void> {
    const passed: string[] = [];
    for (let count = 0; count < PRESSES_MAX_COUNT; count++) {
      await press(key);
      const now = await focused();
      if (typeof name === 'string' ? now === name : name.test(now)) return;
      passed.push(now);
    }
    expect.fail(`${String(name)} is not among ${passed.join(' | ')}`);
  }

  /** Waits until a screen reader was told a text. */
  const announced = (text: string): Promise<void> =>
    person.page.locator('p.unseen[role=status]', { hasText: text }).waitFor({ state: 'attached' });

  /** The levels of the headings on the page. */
  const levels = (): Promise<number[]> =>
    page.evaluate(`[...document.querySelectorAll('h1, h2, h3, h4')]
      .filter((heading) => heading.checkVisibility())
      .map(({ tagName }) => Number(tagName[1]))`);

  it('leads a first visitor to a light that is on, and to its steps', async () => {
    await open('/');
    await person.seen('Lights of a house');
    await press('Tab');
    await hasFocus('Skip to the content');
    await press('Enter');
    await hasFocus('main');
    await moveTo('Lights of a house');
    await press('Enter');
    await hasFocus('Message');
    await page.keyboard.type('Turn on the kitchen light');
    await press('Enter');
    await announced('Answer: Done: Switch light (room kitchen, power on).');
    await hasFocus('Message');
    await moveTo('Result', 'Shift+Tab');
    await press('Space');
    await person.seen('"statusCode": 200');
    await moveTo(/^3 steps/, 'Shift+Tab');
    await press('Enter');
    await page.locator('.step-name').waitFor({ state: 'detached' });
    await moveTo('Rename', 'Shift+Tab');
    await press('Enter');
    await hasFocus('Name of this conversation');
    await press('Escape');
    await hasFocus('Rename');
    await moveTo('Delete');
    await press('Enter');
    await hasFocus('Cancel');
    await press('Escape');
    await hasFocus('Delete');
    await press('Enter');
    await hasFocus('Cancel');
    await press('Shift+Tab');
    await hasFocus('Delete');
    await press('Enter');
    await hasFocus('New conversation');
    expect(person.faults).to.deep.equal([]);
  });

  it('tries a call, approves it, stops everything and releases the stop, and the focus is never lost', async () => {
    await open('/#/status');
    await person.seen('SQLite');
    await moveTo('Devices');
    await press('Enter');
    await page.waitForFunction(`document.activeElement.tagName === 'H1'`); // the tab has the same name
    await hasFocus('Devices');
    expect(await page.title()).to.equal('Devices · LiteAgent');
    await moveTo('Lights');
    await press('Enter');
    await hasFocus('Lights');
    const form = page.getByRole('form', { name: 'switch_light', exact: true });
    await form.locator('select').first().waitFor();
    const room = (await form.locator('select').first().locator('..').textContent())!;
    for (let found = false; !found;) {
      await moveTo(room.trim());
      found = await form.evaluate((it) => it.contains(it.ownerDocument.activeElement));
    }
    await page.keyboard.type('kitchen');
    await press('Tab');
    await page.keyboard.type('on');
    await press('Tab');
    await hasFocus('Dry run');
    await press('Enter');
    await form.getByRole('status').getByText('"dryRun": true').waitFor();
    await hasFocus('Dry run');
    await press('Tab', 'Enter');
    await announced('house waits for a decision: switch_light.');
    await hasFocus('Send');

    await moveTo('Approvals1, 1 waiting', 'Shift+Tab');
    await press('Enter');
    await hasFocus('Approvals');
    await moveTo('Approve');
    await press('Enter');
    await announced('Approved: switch_light.');
    await hasFocus('main');

    await moveTo('Stop devices', 'Shift+Tab');
    await press('Enter');
    await hasFocus('Stop all devices');
    const inside = new Set<string>();
    for (let count = 0; count < 8; count++) {
      await press('Tab');
      inside.add(await focused());
    }
    inside.delete('nothing'); // the browser's own bar, which this one does not have
    expect([...inside].toSorted()).to.deep.equal(['Cancel', 'Stop all devices']);
    await press('Escape');
    await hasFocus('Stop devices');
    await press('Enter');
    await hasFocus('Stop all devices');
    await press('Enter');
    await announced('All devices are stopped.');
    await hasFocus('Stop devices');
    await moveTo('Release');
    await press('Enter');
    await hasFocus('Why it is safe again');
    await press('Escape');
    await hasFocus('Release');
    await press('Enter');
    await page.keyboard.type('The room is empty');
    await press('Enter');
    await announced('A stop was released.');
    await hasFocus('Approvals');

    await moveTo('中文', 'Shift+Tab');
    await press('Enter');
    await hasFocus('English');
    expect(await page.evaluate('[document.documentElement.lang, document.title]')).to.deep.equal([
      'zh-CN',
      `${texts.zh.approvals} · LiteAgent`,
    ]);
    expect(person.faults).to.deep.equal([]);
  });

  it('keeps the focus in a form whose parts come and go', async () => {
    await open('/#/devices/house');
    await person.button('Change the rules').focus();
    await press('Enter');
    await hasFocus('section');
    await moveTo('Add a rule');
    await press('Enter');
    await waitFor(async () => (await focused()).startsWith('Rule'));
    await moveTo('Add it');
    await press('Enter');
    await hasFocus('Add a rule');
    await moveTo(/^Remove: all tools/, 'Shift+Tab');
    await press('Enter');
    await waitFor(async () => (await focused()) !== 'nothing');
    await moveTo('Cancel');
    await press('Enter');
    await hasFocus('Change the rules');
    expect(person.faults).to.deep.equal([]);
  });

  /** Each page, and the way to it. */
  async function eachPage(language: Language, look: (name: string) => Promise<void>): Promise<void> {
    const said = texts[language];
    await person.seen(said.exampleLights);
    await look('new conversation');
    await person.button(said.exampleLights).click();
    await person.button(said.exampleLightsSay).click();
    await page.locator('.answer').waitFor();
    await look('conversation');
    await person.button(said.remove).click();
    await look('question');
    await press('Escape');
    await page.getByRole('link', { name: said.devices }).click();
    await person.button(said.deviceAdd).click();
    await look('devices');
    await page.goto(`${app.url}/#/devices/house`);
    await person.button(said.rulesChange).click();
    await person.button(said.ruleAdd).click();
    await look('device');
    void app.post('/api/devices/house/tools/switch_light', { arguments: { room: 'kitchen', power: 'on' } });
    await page.goto(`${app.url}/#/approvals`);
    await person.button(said.approve).waitFor();
    await look('approvals');
    await person.button(said.reject).click();
    await page.goto(`${app.url}/#/status`);
    await person.seen('SQLite');
    await look('status');
    await app.post('/api/estop', { scope: 'all' });
    await person.button(said.estopRelease).click();
    await look('stopped');
  }

  for (const [language, locale, colorScheme] of [
    ['en', 'en-US', 'light'],
    ['zh', 'zh-CN', 'dark'],
  ] as const)
    it(`has names, contrasts and headings in order on every page, ${language}, ${colorScheme}`, async () => {
      await open('/', locale);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const found: Record<string, unknown> = {};
      await eachPage(language, async (name) => {
        const serious = await person.seriousFaults();
        const order = await levels();
        const isOrdered = order.every((level, at) => level <= (order[at - 1] ?? 0) + 1);
        if (serious.length > 0 || !isOrdered || order[0] !== 1) found[name] = { serious, order };
      });
      expect(found).to.deep.equal({});
      expect(person.faults).to.deep.equal([]);
    });
});
