import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import type { TestApp } from '../support/app.ts';
import { openConsoleApp } from '../support/console.ts';
import { useVisits, type Visit } from '../support/console-visit.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';

const longName = 'read_the_temperature_of_the_second_room_in_the_east_wing';
const document = {
  openapi: '3.1.0',
  info: { title: 'A house', version: '1' },
  servers: [{ url: 'http://127.0.0.1:9' }],
  paths: {
    [`/${longName.replaceAll('_', '/')}/${longName}`]: {
      get: { operationId: longName, responses: { 200: { description: 'done' } } },
    },
  },
};
const phone = { viewport: { width: 360, height: 800 } };

describe('pages of the console that people seldom see', function () {
  this.timeout(120_000);
  const visit = useVisits();
  let app: TestApp;
  let model: ModelServer | undefined;
  afterEach(async () => {
    await app?.close();
    await model?.close();
    model = undefined;
  });

  /** The parts of the page that reach beyond the right side of the screen. */
  const beyond = ({ page }: Visit): Promise<string[]> =>
    page.evaluate(`[...document.querySelectorAll('header, header button, main, main :is(h1, p, code, button, section, input)')]
      .filter((part) => part.checkVisibility() && part.getBoundingClientRect().right > innerWidth + 1)
      .map((part) => part.tagName + ' ' + part.textContent)`);

  it('are there at an address with a broken escape', async () => {
    app = await openConsoleApp();
    const person = await visit(`${app.url}/#/talk/%`);
    await person.seen('This conversation has expired or was deleted.');
    expect(person.faults).to.deep.equal([]);
  });

  it('fit a phone with the long names of a document', async () => {
    app = await openConsoleApp();
    expect((await app.post('/api/devices', { name: 'house', openSpec: document })).status).to.equal(201);
    const person = await visit(`${app.url}/#/devices/house`, phone);
    await person.page.getByRole('form', { name: longName }).waitFor();
    expect(await beyond(person)).to.deep.equal([]);
  });

  it('have the emergency stop on the screen with letters of twice the size', async () => {
    app = await openConsoleApp();
    for (const options of [{}, phone])
      for (const at of ['talk/new', 'devices', 'approvals', 'status']) {
        const person = await visit(`${app.url}/#/${at}`, options);
        await person.page.evaluate("document.documentElement.style.fontSize = '200%'");
        await person.button('Stop devices').waitFor();
        const { x, width } = (await person.button('Stop devices').boundingBox())!;
        const right = person.page.viewportSize()!.width;
        expect([at, x >= 0, x + width <= right]).to.deep.equal([at, true, true]);
        expect(await person.page.evaluate('document.documentElement.scrollWidth')).to.equal(right);
      }
  });

  it('have the button for a device before a long list of them', async () => {
    app = await openConsoleApp();
    for (let n = 0; n < 30; n++) await app.post('/api/devices', { name: `house-${n}`, openSpec: document });
    const person = await visit(`${app.url}/#/devices`);
    await person.page.getByRole('link', { name: 'A house' }).nth(29).waitFor();
    const { y, height } = (await person.button('Add a device').boundingBox())!;
    expect(y + height).to.be.below(person.page.viewportSize()!.height);
  });

  it('have the description of the API in dark colors where the system has them', async () => {
    app = await openConsoleApp();
    const person = await visit(`${app.url}/docs/api`, { colorScheme: 'dark' });
    const parts = ['.swagger-ui .info .title', '#sockets h2'];
    for (const part of parts) await person.page.locator(part).first().waitFor();
    const colors = await person.page
      .evaluate(`[getComputedStyle(document.body).backgroundColor, ...${JSON.stringify(parts)}
      .map((part) => getComputedStyle(document.querySelector(part)).color)]`);
    expect(colors).to.deep.equal(['rgb(28, 32, 34)', 'rgb(210, 214, 215)', 'rgb(228, 230, 230)']);
    expect(person.faults).to.deep.equal([]);
  });

  it('mark the page and the state of a device where only the colors of the system are left', async () => {
    app = await openConsoleApp();
    await app.post('/api/devices', { name: 'house', openSpec: document });
    const person = await visit(`${app.url}/#/devices`, { forcedColors: 'active' });
    await person.page.getByRole('link', { name: 'A house' }).waitFor();
    const colorOf = (selector: string, property: string): Promise<string> =>
      person.page.evaluate(`getComputedStyle(document.querySelector('${selector}')).${property}`);
    expect(await colorOf('.tabs a[aria-current]', 'borderBottomColor')).to.not.equal(
      await colorOf('.tabs a:not([aria-current])', 'borderBottomColor'),
    );
    expect(await colorOf('.lamp.amber', 'backgroundColor')).to.equal('rgb(217, 138, 0)');
  });

  for (const [reducedMotion, moves] of [
    ['reduce', false],
    ['no-preference', true],
  ] as const)
    it(`${moves ? 'move' : 'do not move'} while an answer comes, where the system says ${reducedMotion}`, async () => {
      const begun = {
        answer: (response: ServerResponse) =>
          response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders(),
      };
      model = await startModelServer([begun]);
      app = await openConsoleApp({ baseUrl: model.baseUrl, apiKey: 'none', model: 'm' });
      const person = await visit(app.url, { reducedMotion });
      await person.button('Start talking').last().click();
      await person.seen('Live');
      await person.say('Hello');
      await person.page.locator('.turn-state', { hasText: 'Working…' }).waitFor();
      const isMoving = await person.page.evaluate<boolean>(
        `document.getAnimations().some(({ playState }) => playState === 'running')`,
      );
      expect(isMoving).to.equal(moves);
      await person.button('Stop').click();
      await person.page.locator('.turn-state', { hasText: 'Stopped' }).waitFor();
    });

  it('say in Chinese that a name or password is wrong, and that a device is unknown', async () => {
    app = await openConsoleApp({ AUTH: 'required', AUTH_TOKEN: 'a-token-of-the-operator-0123456789' });
    const { page, seen, faults } = await visit(app.url, { locale: 'zh-CN' });
    await page.getByLabel('用户名或邮箱').fill('ann');
    await page.getByLabel('密码', { exact: true }).fill('wrong');
    await page.keyboard.press('Enter');
    await seen('用户名或密码错误。');
    await page.getByRole('button', { name: '令牌' }).click();
    await page.getByRole('textbox').fill('a-token-of-the-operator-0123456789');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: '状态' }).waitFor();
    await page.evaluate("location.hash = '#/devices/nope'");
    await seen('没有设备“nope”。');
    expect(faults).to.deep.equal([]);
  });
});
