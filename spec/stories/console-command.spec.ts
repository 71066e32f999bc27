import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { TestApp } from '../support/app.ts';
import { openConsoleApp } from '../support/console.ts';
import { useVisits, type Visit } from '../support/console-visit.ts';
import { waitFor } from '../support/wait-for.ts';

describe('people in command, in a browser', function () {
  this.timeout(60_000);
  const visit = useVisits();
  let app: TestApp;
  let person: Visit;
  let server: string;

  beforeEach(async () => {
    app = await openConsoleApp();
    const openSpec = readFileSync('examples/lights.openapi.json', 'utf8');
    ({ server } = (await app.post('/api/trial/devices', { openSpec })).body as { server: string });
    const rules = { calls: [{ tools: ['switch_light'], decision: 'ask', approvers: 'owner' }] };
    const made = await app.post('/api/devices', { name: 'house', openSpec, server, rules });
    expect(made.status, JSON.stringify(made.body)).to.equal(201);
  });
  afterEach(() => app?.close());

  const at = (path: string): string => `${app.url}${path}`;

  async function askForLight(): Promise<void> {
    await person.button('Talk to it').click();
    await person.say('Turn on the kitchen light');
    await person.seen('Waits for an approval');
  }

  it('a registered device is checked, and a call of it is approved on a second screen', async () => {
    person = await visit(at('/#/devices'));
    await person.button('Check it').click();
    await person.seen('can be reached');
    expect(await person.seriousFaults()).to.deep.equal([]);
    await askForLight();
    const second = await person.open(at('/#/approvals'));
    await second.button('Approve').waitFor();
    expect(await second.page.locator('.waiting .parameters').innerText()).to.equal(
      'room\nkitchen\npower\non',
    );
    expect(await second.page.title()).to.equal('(1) Approvals · LiteAgent');
    expect(await second.seriousFaults()).to.deep.equal([]);
    await second.button('Approve').click();
    await second.seen('Nothing waits for a decision.');
    await person.page.locator('.answer', { hasText: 'Done: Switch light' }).waitFor();
    expect([...person.faults, ...second.faults]).to.deep.equal([]);
  });

  for (const [screen, viewport] of [
    ['a phone', { width: 390, height: 844 }],
    ['a low window', { width: 1280, height: 500 }],
  ] as const)
    it(`a call that waits has its sentence and its decisions in sight, on ${screen}`, async () => {
      person = await visit(at('/#/devices'), { viewport });
      await askForLight();
      await person.button('Reject').waitFor();
      const sentence = person.page.locator('.said', { hasText: 'Turn on the kitchen light' });
      await waitFor(async () => {
        const boxes = await Promise.all([sentence, person.button('Reject')].map((it) => it.boundingBox()));
        const [top, bottom] = [boxes[0]?.y ?? -1, (boxes[1]?.y ?? 1e9) + (boxes[1]?.height ?? 0)];
        return top > 0 && bottom <= viewport.height;
      });
      expect(await person.page.locator('.turn-state').innerText()).to.equal('Waits for an approval');
    });

  it('an HTTP call that waits is shown in words, and as it leaves the server', async () => {
    person = await visit(at('/#/devices'));
    await askForLight();
    const { page } = person;
    const url = `${server}/rooms/kitchen/light/power`;
    await person.seen(`Sends PUT to ${url}`);
    const lines = (await page.locator('.request .code').innerText()).split('\n');
    expect(lines[0]).to.equal(`PUT ${url}`);
    expect(lines).to.include('content-type: application/json');
    expect(lines.slice(-2)).to.deep.equal(['', '{"power":"on"}']);
  });

  it('a Modbus call that waits is shown in words, and as the bytes of its frame', async () => {
    const openSpec = readFileSync('examples/air-conditioner.openmodbus.json', 'utf8');
    const trial = (await app.post('/api/trial/devices', { openSpec })).body as { server: string };
    const rules = { calls: [{ effect: 'write', decision: 'ask', approvers: 'owner' }] };
    await app.post('/api/devices', { name: 'air', openSpec, server: trial.server, rules });
    person = await visit(at('/#/devices/air'));
    const form = person.page.getByRole('form', { name: 'set_target_temperature', exact: true });
    await form.locator('input').first().fill('23.5');
    await form.getByRole('button', { name: 'Send' }).click();
    const second = await person.open(at('/#/approvals'));
    await second.seen(/^Writes 235 to address \d+ of unit \d+ at 127\.0\.0\.1:\d+ \(function 6\)$/);
    expect(await second.page.locator('.request .code').innerText()).to.match(
      /^00 00 00 00 00 06 [\da-f]{2} 06 [\da-f]{2} [\da-f]{2} 00 eb$/,
    );
    await second.button('Reject').click();
    await second.seen('Nothing waits for a decision.');
  });

  it('a call that waits is notified, once somebody has asked for that by a button', async () => {
    const shown = '__shown';
    person = await visit('about:blank', { permissions: ['notifications'] });
    await person.context.addInitScript(`
      window.${shown} = [];
      window.asked = 0;
      window.Notification = class extends EventTarget {
        static permission = 'default';
        static requestPermission() { asked += 1; Notification.permission = 'granted'; return Promise.resolve('granted'); }
        constructor(title, { body }) { super(); ${shown}.push(title + ': ' + body); }
        close() {}
      };`);
    const watcher = await person.open(at('/#/approvals'));
    await watcher.button('Notify me of calls that wait').waitFor();
    expect(await watcher.page.evaluate('asked')).to.equal(0);
    await watcher.button('Notify me of calls that wait').click();
    await watcher.button('Stop notifications').waitFor();
    expect(await watcher.page.evaluate('asked')).to.equal(1);
    await watcher.page.evaluate(`Object.defineProperty(document, 'hidden', { get: () => true })`);
    person = await person.open(at('/#/devices'));
    await askForLight();
    await waitFor(async () => (await watcher.page.evaluate<unknown[]>(shown)).length > 0, 10_000);
    expect(await watcher.page.evaluate(shown)).to.deep.equal(['house waits for a decision: switch_light']);
  });

  it('a call is rejected in the conversation, with a reason that the model sees', async () => {
    person = await visit(at('/#/devices'));
    await askForLight();
    await person.page.getByLabel('Reason (optional)').fill('They sleep');
    await person.button('Reject').click();
    await person.seen('Rejected by anonymous · They sleep');
    await person.page.locator('.fault', { hasText: 'They sleep' }).first().waitFor();
  });

  it('a stop whose answer does not come keeps nobody from another stop', async () => {
    person = await visit(at('/#/devices'));
    await person.button('Talk to it').click();
    await person.seen('Live');
    await person.page.route('**/api/estop', (route) =>
      (route.request().postData() ?? '').includes('session') ? undefined : route.continue(),
    );
    await person.page.locator('.estop-button').click();
    await person.button('Stop this conversation').click();
    await person.button('Stop all devices').click();
    await person.seen('All devices are stopped.');
  });

  it('a stop that fails after its question was closed asks again, with the reason', async () => {
    person = await visit(at('/#/devices'));
    let cut: (() => Promise<void>) | undefined;
    await person.page.route('**/api/estop', (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      cut = () => route.abort();
      return undefined;
    });
    await person.page.locator('.estop-button').click();
    await person.button('Stop all devices').click();
    await waitFor(() => cut !== undefined);
    await person.page.keyboard.press('Escape');
    await person.page.getByRole('alertdialog').waitFor({ state: 'detached' });
    await cut!();
    await person.page.getByRole('alertdialog').getByRole('alert').waitFor();
    await person.page.unroute('**/api/estop');
    await person.button('Stop all devices').click();
    await person.seen('All devices are stopped.');
  });

  it('the red button stops all devices on every page, until somebody says why it is safe again', async () => {
    person = await visit(at('/#/devices'));
    await person.button('Talk to it').click();
    await person.seen('Live');
    await person.page.locator('.estop-button').click();
    expect(await person.seriousFaults()).to.deep.equal([]);
    await person.button('Stop all devices').click();
    await person.seen('All devices are stopped.');
    expect(await person.seriousFaults()).to.deep.equal([]);
    await person.say('Set the brightness of the kitchen light to 50');
    await person.page.locator('.step-state', { hasText: 'failed' }).waitFor();
    expect(await person.page.locator('.step .fault').innerText()).to.match(/stop/i);
    const second = await person.open(at('/#/status'));
    await second.seen('All devices are stopped.');
    await second.button('Release').click();
    await second.page.getByLabel('Why it is safe again').fill('The room is empty');
    await second.button('Release').click();
    await second.page.getByText('All devices are stopped.').waitFor({ state: 'detached' });
  });
});
