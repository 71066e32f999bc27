import axe from 'axe-core';
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { untilDeadline } from './until-deadline.ts';
import { openBrowser } from './browser.ts';
import { needPeer } from './peers.ts';

/** A person who looks at the console. */
export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** The errors that the page has thrown or written into the console of the browser. */
  readonly faults: string[];
  button(name: string): Locator;
  /** Waits until a text is on the page. */
  seen(text: string | RegExp): Promise<void>;
  /** Says a sentence in the conversation that is open. */
  say(text: string): Promise<void>;
  /** The serious faults that axe finds on the page [WCAG 2.2 A and AA]. */
  seriousFaults(): Promise<string[]>;
  /** The same person opens one more page. */
  open(url: string): Promise<Visit>;
}

const WAIT_MS = 20_000;

/** A browser for the stories of one `describe`: it starts before them, and every visit ends with its story. */
export function useVisits(): (url: string, options?: BrowserContextOptions) => Promise<Visit> {
  let browser: Browser;
  const contexts: BrowserContext[] = [];
  before(async function () {
    needPeer(this, 'chromium');
    browser = await openBrowser();
  });
  afterEach(async () => {
    for (const context of contexts.splice(0))
      await untilDeadline(context.close(), WAIT_MS, 'The browser does not close its pages');
  });
  after(() => browser && untilDeadline(browser.close(), WAIT_MS, 'The browser does not end'));
  return async (url, options = {}) => {
    // Playwright itself waits for ever here, for a browser that stands still.
    const opened = browser.newContext({
      viewport: { width: 1280, height: 800 },
      locale: 'en-US',
      ...options,
    });
    const context = await untilDeadline(opened, WAIT_MS, 'The browser does not answer');
    contexts.push(context);
    context.setDefaultTimeout(WAIT_MS);
    return openPage(context, url);
  };
}

async function openPage(context: BrowserContext, url: string): Promise<Visit> {
  const page = await untilDeadline(context.newPage(), WAIT_MS, 'The browser opens no page');
  const faults: string[] = [];
  page.on('crash', () => faults.push('The page has crashed.'));
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    // A browser reports each socket and call that fails; the page itself says it to people.
    if (message.type() === 'error' && !/Failed to load resource|WebSocket connection/.test(message.text()))
      faults.push(message.text());
  });
  const answer = await page.goto(url);
  // Without its page every wait of the story would end in time, and none would say why.
  if (answer && !answer.ok())
    throw new Error(`${url} has no page: ${answer.status()} ${await answer.text()}`);
  return {
    page,
    context,
    faults,
    button: (name) => page.getByRole('button', { name, exact: true }),
    seen: (text) => page.getByText(text).first().waitFor(),
    async say(text) {
      await page.getByLabel('Message', { exact: true }).fill(text);
      await page.keyboard.press('Enter');
    },
    seriousFaults: () => seriousFaults(page),
    open: (other) => openPage(context, other),
  };
}

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<{ violations: Violation[] }>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
