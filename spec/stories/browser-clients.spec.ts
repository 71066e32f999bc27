import { expect } from 'chai';
import { buildSync } from 'esbuild';
import type { Browser } from 'playwright-core';
import { openTestApp, type TestApp } from '../support/app.ts';
import { openBrowser, serveForeignPage, type ForeignPage } from '../support/browser.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { needPeer } from '../support/peers.ts';

const TOKEN = 'a-token-of-the-operator-0123456789abcdef';

/** The official client in a page of another origin, as a panel has it. */
const PAGE = `
  import OpenAI from 'openai';
  globalThis.talk = async (url, apiKey) => {
    const client = new OpenAI({ baseURL: url + '/v1', apiKey, dangerouslyAllowBrowser: true, maxRetries: 0 });
    const reply = await client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'Hello' }] });
    const parts = [];
    const stream = await client.chat.completions.create({ model: 'm', stream: true, messages: [{ role: 'user', content: 'Hello' }] });
    for await (const chunk of stream) parts.push(chunk.choices[0]?.delta.content ?? '');
    const thread = await client.beta.threads.create({});
    return [reply.choices[0].message.content, parts.join(''), (await client.beta.threads.retrieve(thread.id)).object];
  };
`;

describe('a web page of another origin', function () {
  let browser: Browser;
  let page: ForeignPage;
  let app: TestApp;
  let model: ModelServer;

  before(async function () {
    needPeer(this, 'chromium');
    const stdin = { contents: PAGE, resolveDir: import.meta.dirname };
    const { outputFiles } = buildSync({
      stdin,
      bundle: true,
      write: false,
      platform: 'browser',
      format: 'iife',
    });
    [browser, page] = await Promise.all([openBrowser(), serveForeignPage(outputFiles[0]!.text)]);
    model = await startModelServer([{ text: 'Good day.' }, { text: 'Good night.' }]);
  });
  afterEach(() => app?.close());
  after(async () => {
    await browser?.close();
    await page?.close();
    await model?.close();
  });

  const open = async (env: Record<string, string>): Promise<void> => {
    app = await openTestApp({ AUTH_TOKEN: TOKEN, baseUrl: model.baseUrl, apiKey: 'none', ...env });
  };

  it('talks through the official OpenAI client when its origin is allowed', async () => {
    await open({ ALLOWED_ORIGINS: page.origin });
    const tab = await page.open(browser);
    const said = await tab.evaluate(`talk(${JSON.stringify(app.url)}, ${JSON.stringify(TOKEN)})`);
    expect(said).to.deep.equal(['Good day.', 'Good night.', 'thread']);
  });

  it('may send cookies and headers of its own when its origin is allowed', async () => {
    await open({ ALLOWED_ORIGINS: page.origin });
    const tab = await page.open(browser);
    const status = await tab.evaluate(
      `fetch(${JSON.stringify(`${app.url}/api/version`)}, { credentials: 'include', headers: { 'x-panel': '1' } }).then((answer) => answer.status)`,
    );
    expect(status).to.equal(200);
  });

  it('shows the picture of a user, whose address is signed, when its origin is allowed', async () => {
    const widthAt = async (env: Record<string, string>): Promise<number> => {
      await app?.close();
      await open(env);
      const send = async (path: string, init: RequestInit): Promise<Record<string, string>> =>
        (await (await fetch(`${app.url}/api/v1${path}`, init)).json()) as Record<string, string>;
      const user = { username: 'ada', password: 'a-password-of-ada' };
      const headers = { 'content-type': 'application/json' };
      const { avatar } = await send('/users', { method: 'POST', headers, body: JSON.stringify(user) });
      const tab = await page.open(browser);
      return tab.evaluate(
        `new Promise((resolve) => {
          const picture = new Image();
          picture.onload = picture.onerror = () => resolve(picture.naturalWidth);
          picture.src = ${JSON.stringify(avatar)};
        })`,
      );
    };
    expect(await widthAt({ ALLOWED_ORIGINS: page.origin })).to.equal(128);
    expect(await widthAt({})).to.equal(0);
  });

  it('gets nothing when its origin is not allowed', async () => {
    await open({});
    const tab = await page.open(browser);
    const said = await tab.evaluate(
      `talk(${JSON.stringify(app.url)}, ${JSON.stringify(TOKEN)}).catch((error) => error.constructor.name + ': ' + error.message)`,
    );
    expect(said).to.equal('APIConnectionError: Connection error.');
  });
});
