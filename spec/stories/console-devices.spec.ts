import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { lampTemplate } from '../../lib/cli/init/lamp.ts';
import { meterTemplate } from '../../lib/cli/init/meter.ts';
import { texts } from '../../lib/console/texts/texts.ts';
import type { TestApp } from '../support/app.ts';
import { openConsoleApp } from '../support/console.ts';
import { useVisits, type Visit } from '../support/console-visit.ts';
import { openHttpDevice } from '../support/http-device.ts';
import { waitFor } from '../support/wait-for.ts';

describe('devices in a browser', function () {
  this.timeout(60_000);
  const visit = useVisits();
  let app: TestApp;
  let person: Visit;
  beforeEach(async () => {
    app = await openConsoleApp();
  });
  afterEach(() => app?.close());

  /** The text that is marked in the field with the focus. */
  const marked =
    'document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)';
  const openSpec = readFileSync('examples/lights.openapi.json', 'utf8');

  /** Registers a simulated device of a document, and opens its page. */
  async function openDevice(name: string, document: string, rules?: object): Promise<void> {
    const trial = (await app.post('/api/trial/devices', { openSpec: document })).body as { server: string };
    const made = await app.post('/api/devices', {
      name,
      openSpec: document,
      server: trial.server,
      ...(rules && { rules }),
    });
    expect(made.status, JSON.stringify(made.body)).to.equal(201);
    person = await visit(`${app.url}/#/devices/${name}`);
    await person.button('Change the rules').waitFor();
  }

  async function beginDevice(name: string, document: string): Promise<void> {
    person = await visit(`${app.url}/#/devices`);
    await person.button('Add a device').click();
    await person.page.getByLabel('Name: small letters, digits and hyphens').fill(name);
    await person.page.getByLabel('Document', { exact: true }).fill(document);
  }

  it('are added: every fault of the document and the rules is shown with its place, and nothing is saved', async () => {
    await beginDevice('house', openSpec);
    const { page, button } = person;
    await page.getByLabel('Simulate this device instead of calling it').check();
    await page.getByLabel('Rules, as JSON (optional)').fill('{"calls":[{"tool":["x"]}]}');
    await button('Check and save').click();
    await page.locator('.fault li', { hasText: '/rules/calls/0/tool' }).waitFor();
    expect(await page.locator('.fault code').allInnerTexts()).to.have.members([
      '/rules/calls/0/tool',
      '/rules/calls/0/decision',
    ]);
    expect(await person.seriousFaults()).to.deep.equal([]);
    expect((await app.get('/api/devices')).body).to.deep.equal([]);
    await page.getByLabel('Rules, as JSON (optional)').fill('');
    await button('Check and save').click();
    await button('Talk to it').waitFor();
  });

  it('are added from a document with two typos: both are shown with the words that were meant', async () => {
    const document = readFileSync('examples/air-conditioner.openmodbus.json', 'utf8');
    const wrong = document
      .replace('"holdingRegisters"', '"holdingRegister"')
      .replace('"method": "read"', '"method": "raed"');
    await beginDevice('air', wrong);
    await person.button('Check and save').click();
    await person.page.locator('.fault li').first().waitFor();
    const faults = await person.page.locator('.fault li').allInnerTexts();
    expect(faults).to.have.length(2);
    expect(faults.join('\n'))
      .to.match(/method .*did you mean read\?/)
      .and.match(/storage .*did you mean holdingRegisters\?/);
    expect((await app.get('/api/devices')).body).to.deep.equal([]);
    await person.page.getByLabel('Document', { exact: true }).fill(document);
    await person.button('Check and save').click();
    await person.button('Talk to it').waitFor();
    expect(person.faults).to.deep.equal([]);
  });

  it('are checked before they are saved: their tools with the answer of the rules, and the warnings', async () => {
    await beginDevice('house', openSpec);
    const { page, button } = person;
    await page.getByLabel('Start from a template').selectOption('Ask before each change');
    await button('Check without saving').click();
    const answers = page.locator('.tried li p:first-child');
    await answers.first().waitFor();
    const said = (await answers.allInnerTexts()).map((text) => text.trim());
    expect(said).to.include.members(['get_light: always', 'switch_light: ask before']);
    expect((await app.get('/api/devices')).body).to.deep.equal([]);
    await page
      .getByLabel('Rules, as JSON (optional)')
      .fill('{"calls":[{"tools":["gone"],"decision":"ask"}]}');
    await answers.first().waitFor({ state: 'detached' });
    await button('Check without saving').click();
    await person.seen('/rules/calls/0/tools/0: "gone" names no tool of this device');
    expect(person.faults).to.deep.equal([]);
  });

  it('are added from YAML: each fault has its line', async () => {
    const document = meterTemplate.replace('method: read', 'method: raed');
    await beginDevice('meter', document);
    const { page, button } = person;
    await button('Check and save').click();
    const line = document.split('\n').findIndex((text) => text.includes('method: raed')) + 1;
    await button(`Line ${line}`).click();
    expect(await page.evaluate(marked)).to.equal('method: raed');
    await page.getByRole('textbox', { name: 'Document', exact: true }).fill(`# A meter\n${document}`);
    await button(`Line ${line + 1}`).click();
    expect(await page.evaluate(marked)).to.equal('method: raed');
    expect(person.faults).to.deep.equal([]);
  });

  it('of a new conversation have the line of each fault in each document', async () => {
    person = await visit(app.url);
    const { page, button } = person;
    const air = readFileSync('examples/air-conditioner.openmodbus.json', 'utf8');
    await page.getByRole('textbox', { name: 'Document 1' }).fill(air);
    await button('Another document').click();
    await page
      .getByRole('textbox', { name: 'Document 2' })
      .fill(meterTemplate.replace('method: read', 'method: raed'));
    await page.locator('form').getByRole('button', { name: 'Start talking' }).click();
    await page.locator('.fault li').first().waitFor();
    expect(await page.locator('.fault code').allInnerTexts()).to.deep.equal([
      '/openSpecList/1/openSpec/functions/0/method',
    ]);
    await page.locator('.place').click();
    const { name, marked } = await page.evaluate<{ name: string; marked: string }>(`(() => {
      const { ariaLabel, value, selectionStart, selectionEnd } = document.activeElement;
      return { name: ariaLabel, marked: value.slice(selectionStart, selectionEnd) };
    })()`);
    expect({ name, marked }).to.deep.equal({ name: 'Document 2', marked: 'method: raed' });
    expect(person.faults).to.deep.equal([]);
  });

  it('of one make have their names beside their titles, and are found by a word', async () => {
    for (let n = 1; n <= 10; n++) {
      const device = {
        name: `lamp-${n}`,
        title: n > 8 ? 'Lamp' : `Lamp ${n}`,
        openSpec,
        server: 'http://127.0.0.1:1',
      };
      expect((await app.post('/api/devices', device)).status).to.equal(201);
    }
    person = await visit(`${app.url}/#/devices`);
    const { page, seen } = person;
    await seen('Lamp 8');
    const headings = () => page.locator('.card h2').allInnerTexts();
    expect((await headings()).slice(1, 3)).to.deep.equal(['Lamp lamp-10', 'Lamp 2']);
    await page.getByLabel('Find a device').fill('lamp-9');
    await seen('1 device');
    expect(await headings()).to.deep.equal(['Lamp lamp-9']);
    await person.button('Talk to it').click();
    await page.getByRole('heading', { name: 'Lamp · lamp-9' }).waitFor();
  });

  it('are talked to from their page, and one that is disabled says so', async () => {
    await openDevice('house', openSpec, {});
    await person.button('Talk to it').click();
    await person.page.getByRole('heading', { name: 'Lights', exact: true }).waitFor();
    const off = { name: 'off', title: 'A lamp', openSpec, enabled: false };
    expect((await app.post('/api/devices', off)).status).to.equal(201);
    await person.page.evaluate("location.hash = '#/devices/off'");
    await person.seen(texts.en.deviceDisabled);
    expect(await person.button('Talk to it').isDisabled()).to.equal(true);
    expect(person.faults).to.deep.equal([]);
  });

  it('have a simulated one of the same document to play with, which is another device', async () => {
    await openDevice('house', openSpec, { calls: [{ effect: 'write', decision: 'deny' }] });
    await person.button('Talk to a simulated one').click();
    await person.page.getByRole('heading', { name: 'Lights, simulated' }).waitFor();
    await person.say('Turn on the kitchen light');
    await person.page.locator('.answer', { hasText: 'Done: Switch light' }).waitFor();
    expect((await app.get('/api/audit?device=house')).body).to.deep.equal([]);
    expect(person.faults).to.deep.equal([]);
  });

  it('are added in Chinese: the faults of a document are Chinese, and so is the failure of a call', async () => {
    const document = readFileSync('examples/air-conditioner.openmodbus.json', 'utf8');
    const wrong = document
      .replace('"holdingRegisters"', '"holdingRegister"')
      .replace('"method": "read"', '"method": "raed"');
    person = await visit(`${app.url}/#/devices`, { locale: 'zh-CN' });
    const { page, button, seen } = person;
    await button(texts.zh.deviceAdd).click();
    await page.getByLabel(texts.zh.deviceName).fill('air');
    await page.getByLabel('文档', { exact: true }).fill(wrong);
    await button(texts.zh.deviceSave).click();
    await seen('有 2 处错误：');
    for (const words of await page.locator('.fault li').allInnerTexts())
      expect(words).to.match(/ 应为以下之一：.*是否想写 (read|holdingRegisters)？/);
    const body = { name: 'gone', openSpec: document, server: '127.0.0.1:1' };
    expect((await app.post('/api/devices', body)).status).to.equal(201);
    await page.goto(`${app.url}/#/devices/gone`);
    const form = page.getByRole('form', { name: 'read_room_temperature', exact: true });
    await form.getByRole('button', { name: texts.zh.readNow, exact: true }).click();
    expect(await form.locator('.fault').innerText()).to.match(/^无法连接设备（/);
    expect(person.faults).to.deep.equal([]);
  });

  it('are added with a key that their document names', async () => {
    const device = await openHttpDevice();
    try {
      const document = {
        openapi: '3.1.0',
        info: { title: 'Lamp', version: '1' },
        servers: [{ url: device.url }],
        paths: {
          '/power': { get: { operationId: 'get_power', responses: { 200: { description: 'ok' } } } },
        },
        security: [{ door: [] }],
        components: { securitySchemes: { door: { type: 'apiKey', in: 'header', name: 'X-Api-Key' } } },
      };
      await beginDevice('lamp', JSON.stringify(document));
      const { page, button } = person;
      await page.getByLabel('Kind of key').selectOption('Named in the document');
      await page.getByLabel('Name of the key in the document').fill('door');
      await page.getByLabel('Key or token, if the device needs one').last().fill('canary-key');
      await button('Check and save').click();
      await page.getByRole('link', { name: 'Lamp' }).click();
      await button('Read').click();
      await page.locator('form').getByRole('status').locator('pre').waitFor();
      expect(device.seen.map(({ headers }) => headers['x-api-key'])).to.deep.equal(['canary-key']);
    } finally {
      await device.close();
    }
  });

  it('are checked, added and talked to with a key that their document does not name: a warning says so', async () => {
    const warning =
      '/credentials/kye: the document has no security scheme of this name, and the key is not sent; did you mean "key"?';
    const nameKey = async (): Promise<void> => {
      await person.page.getByLabel('Kind of key').selectOption('Named in the document');
      await person.page.getByLabel('Name of the key in the document').fill('kye');
      await person.page
        .getByLabel('Key or token, if the device needs one')
        .last()
        .fill('lamp-key-0123456789');
    };
    await beginDevice('lamp', lampTemplate);
    const { page, button } = person;
    const warnings = page.locator('.warning li');
    const said = async (): Promise<string[]> => {
      await warnings.first().waitFor();
      return warnings.allInnerTexts();
    };
    await nameKey();
    await button('Check without saving').click();
    expect(await said()).to.deep.equal([warning]);
    await button('Check and save').click();
    await page.getByRole('link', { name: 'Lamp' }).waitFor();
    expect(await said()).to.deep.equal([warning]);
    await page.goto(`${app.url}/#/talk`);
    await page.getByRole('textbox', { name: 'Document 1' }).fill(lampTemplate);
    await nameKey();
    await page.locator('form').getByRole('button', { name: 'Start talking' }).click();
    await person.seen('Live');
    expect(await said()).to.deep.equal([`/openSpecList/0${warning}`]);
    expect(person.faults).to.deep.equal([]);
  });

  it('are called by forms: a dry run shows the request, a call reaches the device, and both stand in the log of writes', async () => {
    await openDevice('house', openSpec, { limits: [{ maxCalls: 9, perSeconds: 60 }] });
    const { page } = person;
    await person.seen('Limit 1 of the device: at most 9 calls of * in 60 seconds.');
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
    await form.getByRole('status').getByText('"dryRun": true').waitFor();
    expect(await person.seriousFaults()).to.deep.equal([]);
    await form.getByRole('button', { name: 'Send' }).click();
    await page.locator('.plain li strong', { hasText: 'done' }).waitFor();
    expect(await page.locator('.plain li strong').allInnerTexts()).to.deep.equal(['done', 'dry_run']);
  });

  it('show the curve of a value that is watched, with its unit; the package that draws it comes with the first curve', async () => {
    await openDevice('air', readFileSync('examples/air-conditioner.openmodbus.json', 'utf8'));
    const { page } = person;
    const loaded = (): Promise<string[]> =>
      page.evaluate(`performance.getEntriesByType('resource').map(({ name }) => name)`);
    expect((await loaded()).filter((name) => /uplot/i.test(name))).to.deep.equal([]);
    const form = page.getByRole('form', { name: 'read_room_temperature', exact: true });
    await form.getByRole('button', { name: 'Watch', exact: true }).click();
    const curve = page.getByRole('img', {
      name: /^read_room_temperature: [2-9] readings from [\d.]+ to [\d.]+ ℃$/,
    });
    await curve.locator('canvas').waitFor();
    expect(await page.locator('.values strong').innerText()).to.match(/^[\d.]+ ℃$/);
    expect((await loaded()).filter((name) => /uplot/i.test(name))).to.have.length(1);
    expect(await person.seriousFaults()).to.deep.equal([]);
    await form.getByRole('button', { name: 'Stop watching' }).click();
    await form.getByRole('button', { name: 'Watch', exact: true }).waitFor();
    expect(person.faults).to.deep.equal([]);
  });

  it('keep the values that were seen when their page is left, and show numbers in an answer over HTTP', async () => {
    await openDevice('house', openSpec);
    const { page } = person;
    const form = page.getByRole('form', { name: 'get_light', exact: true });
    const field = form.locator('select, input').first();
    if ((await field.evaluate(({ tagName }) => tagName)) === 'SELECT') await field.selectOption('kitchen');
    else await field.fill('kitchen');
    const values = page.locator('.values figcaption');
    await form.getByRole('button', { name: 'Read', exact: true }).click();
    await values.waitFor();
    await page.getByRole('link', { name: 'Devices' }).first().click();
    await person.button('Talk to it').waitFor();
    await page.goBack();
    expect(await values.innerText()).to.match(/^get_light · brightness\n\d+$/);
  });

  it('fit a phone: nothing of a device with a curve and open rules is wider than the screen', async () => {
    await openDevice('air', readFileSync('examples/air-conditioner.openmodbus.json', 'utf8'), {
      calls: [{ effect: 'write', decision: 'ask', approvers: 'owner' }],
    });
    const { page, button } = person;
    await page.setViewportSize({ width: 360, height: 800 });
    const form = page.getByRole('form', { name: 'read_room_temperature', exact: true });
    await form.getByRole('button', { name: 'Watch', exact: true }).click();
    await page.locator('.curve canvas').waitFor();
    await button('Change the rules').click();
    await button('Add a rule').click();
    const widths = (): Promise<number[]> =>
      page.evaluate(`['html', '.content', '.page'].map((name) => document.querySelector(name).scrollWidth)`);
    expect(await widths()).to.deep.equal([360, 360, 360]);
    expect(await person.seriousFaults()).to.deep.equal([]);
  });

  describe('have rules that are changed by a form', () => {
    const rulesOf = async (name: string): Promise<unknown> =>
      ((await app.get(`/api/devices/${name}`)).body as { rules?: unknown }).rules;

    it('without a line of JSON: added, shown in words, and removed', async () => {
      await openDevice('house', openSpec);
      const { page, button, seen } = person;
      await button('Change the rules').click();
      await button('Add a rule').click();
      await page.getByLabel('Tools: a, b*; empty: all').fill('switch_*, set_*');
      await page.getByLabel('Who decides').selectOption('the one who asked');
      await button('Add it').click();
      await seen('switch_*, set_* · writes: ask before, the one who asked');
      await button('Add a rule').click();
      await page.getByRole('combobox', { name: 'Rule', exact: true }).selectOption('limit a value');
      await page.getByLabel('Argument').fill('brightness');
      await page.getByLabel('At most').fill('80');
      await button('Add it').click();
      await seen('all tools: brightness from … to 80');
      expect(await person.seriousFaults()).to.deep.equal([]);
      await button('Check and save').click();
      await seen(/^Rule 1 of the device: ask before .*switch_\*.*set_\*/);
      expect(await rulesOf('house')).to.deep.equal({
        calls: [{ tools: ['switch_*', 'set_*'], effect: 'write', decision: 'ask', approvers: 'owner' }],
        limits: [{ argument: 'brightness', max: 80 }],
      });
      await button('Change the rules').click();
      await button('Remove: switch_*, set_* · writes: ask before, the one who asked').click();
      await button('Check and save').click();
      await waitFor(async () => !JSON.stringify(await rulesOf('house')).includes('calls'));
      expect(await rulesOf('house')).to.deep.equal({ limits: [{ argument: 'brightness', max: 80 }] });
      expect(person.faults).to.deep.equal([]);
    });

    it('with a template, an answer for each tool before they are saved, and each fault at its line', async () => {
      await openDevice('house', openSpec);
      const { page, button, seen } = person;
      await button('Change the rules').click();
      await page.getByLabel('Start from a template').selectOption('Ask before each change');
      await seen('all tools · writes: ask before');
      await button('What would be allowed now?').click();
      await seen('The answers at this moment. Nothing was saved or called.');
      const answers = (): Promise<string[]> => page.locator('.tried li p:first-child').allInnerTexts();
      expect((await answers()).map((text) => text.trim())).to.include.members([
        'get_light: always',
        'switch_light: ask before',
      ]);
      expect(await person.seriousFaults()).to.deep.equal([]);
      const field = page.getByLabel('Rules, as JSON (optional)');
      await field.fill('{\n  "calls": [\n    { "efect": "write",\n      "decision": "aks" }\n  ]\n}');
      expect(await answers()).to.deep.equal([]);
      await button('Check and save').click();
      await page.locator('.fault li').first().waitFor();
      expect(await page.locator('.fault li').allInnerTexts()).to.deep.equal([
        'Line 3 /rules/calls/0/efect is not known; did you mean "effect"?',
        'Line 4 /rules/calls/0/decision must be allow, ask, deny or dry_run; did you mean "ask"?',
      ]);
      await button('Line 4').click();
      expect(await page.evaluate(marked)).to.equal('"decision": "aks"');
      await field.fill('{\n  "calls": [],\n}');
      await seen('Line 3: the rules are no JSON there. Correct the text below.');
      expect(await rulesOf('house')).to.equal(undefined);
      expect(person.faults).to.deep.equal([]);
    });

    it('and fields that the form does not know stay as they are', async () => {
      const night = { tools: ['*'], between: ['22:00', '06:00'], decision: 'deny' };
      await openDevice('house', openSpec, { calls: [night] });
      const { button, seen } = person;
      await button('Change the rules').click();
      await seen('*: never, between 22:00 and 06:00');
      await button('Add a rule').click();
      await person.page
        .getByRole('combobox', { name: 'Rule', exact: true })
        .selectOption('limit the number of calls');
      await button('Add it').click();
      await button('Check and save').click();
      await seen('Limit 1 of the device: at most 10 calls of * in 60 seconds.');
      expect(await rulesOf('house')).to.deep.equal({
        calls: [night],
        limits: [{ maxCalls: 10, perSeconds: 60 }],
      });
    });
  });
});
