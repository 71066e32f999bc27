import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser, type Page } from 'playwright-core';

/** Debian's Chromium without a window. It can be run as root only without its sandbox; it loads nothing but our own pages. */
export function openBrowser(): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-background-networking', '--disable-component-update'];
  return chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, timeout: 30_000, args });
}

/** A web page of another origin than the server's, with one script. */
export interface ForeignPage {
  readonly origin: string;
  open(browser: Browser): Promise<Page>;
  close(): Promise<void>;
}

/** Serves a page that runs `script`. */
export async function serveForeignPage(script: string): Promise<ForeignPage> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' });
    response.end(isScript ? script : '<!doctype html><title>Panel</title><script src="/page.js"></script>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    async open(browser) {
      const page = await browser.newPage();
      await page.goto(origin);
      return page;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
