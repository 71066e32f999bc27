// Takes the pictures of the console for the README and the manual: `npm run build && node .ci/picture.mjs`. A real run of the demo in Debian's Chromium.
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
const meter = {
  openmodbus: '1.0.0',
  info: { title: 'Energy meter', version: '1.0.0' },
  server: { type: 'tcp', config: { url: '127.0.0.1', port: 5020 } },
  functions: [
    {
      name: 'read_power',
      description: 'Read the power that is drawn now',
      method: 'read',
      path: { slaveId: 1, storage: 'inputRegisters', address: 0 },
      return: { name: 'power', type: 'uint16', min: 0, max: 9000, uom: 'W' },
    },
    {
      name: 'set_limit',
      description: 'Set the power above which the meter switches off',
      method: 'write',
      path: { slaveId: 1, storage: 'holdingRegisters', address: 0 },
      parameter: { name: 'limit', type: 'uint16', min: 100, max: 16_000, uom: 'W' },
    },
  ],
};
const meterRules = {
  calls: [{ effect: 'write', decision: 'ask', approvers: 'owner' }],
  limits: [{ tools: ['set_limit'], argument: 'limit', min: 1000, max: 8000 }],
};
const sentences = [
  'Turn on the light in the kitchen',
  'Set the target temperature of the air conditioner to 23.5 degrees',
  'Move the robot to shelf 7',
];

/** Saves a picture of the page, without the texts for which many machines have no font: those in Chinese. */
async function take(page, name) {
  await page.locator('button[lang=zh-CN]').evaluateAll((found) => {
    for (const { style } of found) style.visibility = 'hidden';
  });
  await sharp(await page.screenshot())
    .webp({ quality: 82 })
    .toFile(`lib/docs/${name}.webp`);
}

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
  await take(page, 'console');
  const openSpec = JSON.stringify(meter);
  const { server } = await post('/api/trial/devices', { openSpec });
  await post('/api/devices', { name: 'meter', openSpec, server, rules: meterRules });
  await page.goto(`${url}/#/devices/meter`);
  const tool = page.getByRole('form', { name: 'read_power', exact: true });
  await tool.getByRole('button', { name: 'Watch', exact: true }).click();
  await page.getByRole('img', { name: /: 1\d readings/ }).waitFor({ timeout: 60_000 });
  await take(page, 'console-device');
} finally {
  await browser.close();
  demo.kill('SIGINT');
  await ended;
}
