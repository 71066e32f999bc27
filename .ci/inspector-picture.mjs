// Takes the picture of the MCP inspector for the manual: a real run of it against the demo. It is installed apart, because only this
// picture needs it: `npm install --prefix FOLDER @modelcontextprotocol/inspector@0.17`, `npm run build`, and
// `MCP_INSPECTOR=FOLDER node .ci/inspector-picture.mjs`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { chromium } from 'playwright-core';
import sharp from 'sharp';

const folder = process.env.MCP_INSPECTOR;
if (!folder) throw new Error('MCP_INSPECTOR is the folder in which the inspector is installed');

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return String(port);
}

/** Starts a program, and resolves when it has said a text. */
async function start(args, env, text) {
  const program = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true, // a group of its own: the inspector starts programs, too
  });
  let said = '';
  program.stdout.on('data', (data) => (said += data));
  while (!said.includes(text)) await once(program.stdout, 'data');
  return { program, said };
}

const demo = await start(['dist/bin/lite-agent.js', 'demo'], { PORT: '0' }, 'The devices after');
const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(demo.said);
const [clientPort, serverPort] = [await freePort(), await freePort()];
const inspector = await start(
  [`${folder}/node_modules/@modelcontextprotocol/inspector/cli/build/cli.js`],
  {
    HOST: '127.0.0.1',
    CLIENT_PORT: clientPort,
    SERVER_PORT: serverPort,
    ALLOWED_ORIGINS: `http://127.0.0.1:${clientPort}`,
    DANGEROUSLY_OMIT_AUTH: 'true', // on loopback, for the time of a picture
    MCP_AUTO_OPEN_ENABLED: 'false',
  },
  'up and running',
);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 960 }, locale: 'en-US' });
  const query = new URLSearchParams({
    transport: 'streamable-http',
    serverUrl: `${url}/mcp`,
    MCP_PROXY_PORT: serverPort,
  });
  await page.goto(`http://127.0.0.1:${clientPort}/?${query}`);
  await page.getByRole('button', { name: 'Connect' }).click();
  await page.getByRole('tab', { name: 'Tools' }).click();
  await page.getByRole('button', { name: 'List Tools' }).click();
  await page.getByText('list_lights').first().click();
  await page.getByRole('button', { name: 'Run Tool' }).click();
  const result = page.getByText('Tool Result: Success');
  await result.waitFor();
  await result.evaluate((element) => element.scrollIntoView({ block: 'center' }));
  // Many machines have no font for the Chinese words in the examples.
  await page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode())
      walker.currentNode.data = walker.currentNode.data.replaceAll(/\s*\([^)]*\p{Script=Han}[^)]*\)/gu, '');
  });
  await sharp(await page.screenshot())
    .webp({ quality: 82 })
    .toFile('lib/docs/mcp-inspector.webp');
} finally {
  await browser.close();
  for (const { program } of [inspector, demo]) {
    const ended = once(program, 'close');
    process.kill(-Number(program.pid), 'SIGINT');
    await ended;
  }
}
