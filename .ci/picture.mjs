// Takes the picture of the console for the README: `npm run build && node .ci/picture.mjs`. A real run of the demo in Debian's Chromium.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';
import sharp from 'sharp';

const documents = {
  'air-conditioner': 'air-conditioner.openmodbus.json',
  lights: 'lights.openapi.json',
  robot: 'robot.openrpc.json',
};
const sentences = [
  'Turn on the light in the kitchen',
  'Set the target temperature of the air conditioner to 23.5 degrees',
  'Move the robot to shelf 7',
];

const demo = spawn(process.execPath, ['dist/bin/lite-agent.js', 'demo'], {
  env: { PATH: process.env.PATH, PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(demo, 'close');
let said = '';
demo.stdout.on('data', (data) => (said += data));
// The demo has said its sentences when it shows the devices once more.
while (!said.includes('The devices after')) await once(demo.stdout, 'data');
const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(said);

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const post = (path, body) =>
    fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).then((answer) => answer.json());
  for (const [name, file] of Object.entries(documents))
    await post('/api/devices', { name, openSpec: await readFile(`examples/${file}`, 'utf8') });
  const { id } = await post('/api/init', { devices: Object.keys(documents) });
  await post(`/api/sessions/${id}`, { title: 'The house this evening' });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, locale: 'en-US' });
  await page.goto(`${url}/#/talk/${id}`);
  for (const [index, sentence] of sentences.entries()) {
    await page.getByLabel('Message', { exact: true }).fill(sentence);
    await page.keyboard.press('Enter');
    await page.locator('.answer', { hasText: 'Done' }).nth(index).waitFor();
  }
  // The switch of the language has Chinese signs, and many machines have no font for them.
  await page.locator('button[lang=zh-CN]').evaluateAll((found) => {
    for (const { style } of found) style.visibility = 'hidden';
  });
  await sharp(await page.screenshot())
    .webp({ quality: 82 })
    .toFile('lib/docs/console.webp');
} finally {
  await browser.close();
  demo.kill('SIGINT');
  await ended;
}
