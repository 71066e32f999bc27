import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { simulateLights } from '../lib/cli/demo/lights.ts';
import type { SimulatedDevice } from '../lib/cli/demo/device.ts';
import { packageRoot } from '../lib/package.ts';
import { openTestApp, type TestApp } from './support/app.ts';
import { startCommand } from './support/command.ts';
import { codeBlocks, manualPages, runLines } from './support/manual.ts';
import { needPeer } from './support/peers.ts';

const README_MAX_BYTES = 8192;

describe('the README', function () {
  this.timeout(60_000); // the blocks start processes
  const root = packageRoot();
  const [readme = { path: '', text: '' }] = manualPages();
  const blockWith = (language: string, words: string): string =>
    codeBlocks(readme, language).find(({ code }) => code.includes(words))?.code ?? '';

  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'readme-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it(`is read in a few minutes: ${README_MAX_BYTES} bytes at most`, () => {
    expect(Buffer.byteLength(readme.text)).to.be.at.most(README_MAX_BYTES);
  });

  it("offers what package.json's engines say, and its two commands", () => {
    const { engines, scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      engines: { node: string };
      scripts: Record<string, string>;
    };
    expect(readme.text).to.include(`Node ${engines.node.replace('>=', '')} or newer`);
    expect(blockWith('sh', 'npm ci')).to.match(/^npm ci && npm run demo .*\nnpm cit .*\n$/);
    expect(Object.keys(scripts)).to.include.members(['demo', 'start', 'test', 'build']);
  });

  it('says that no emergency stop of software replaces one of hardware', () => {
    expect(readme.text).to.include('**It replaces no hardware emergency stop (ISO 13850)**');
  });

  describe('while a server and the lights run', () => {
    let app: TestApp;
    let lights: SimulatedDevice;
    beforeEach(async () => {
      lights = await simulateLights(0);
      app = await openTestApp();
      // The same lines with the addresses of this run.
      cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true });
      const document = join(folder, 'examples/lights.openapi.json');
      const elsewhere = readFileSync(document, 'utf8').replace('http://127.0.0.1:9532', lights.server);
      writeFileSync(document, elsewhere);
    });
    afterEach(async () => {
      await app.close();
      await lights.close();
    });
    const here = (code: string): string => code.replaceAll('127.0.0.1:9527', new URL(app.url).host);

    it('has curl lines that run as they are', async function () {
      needPeer(this, 'curl');
      const { code, stdout } = await runLines(here(blockWith('sh', 'curl')), folder);
      const kitchen = '{"room":"kitchen","power":"off","brightness":100,"color":"white"}';
      expect(code).to.equal(0);
      expect(stdout).to.include(JSON.stringify({ statusCode: 200, body: kitchen }));
      expect(JSON.parse(stdout.slice(stdout.lastIndexOf('[')))).to.have.length(1);
    });

    it('has a WebSocket client that turns on the light', async () => {
      const openSpec = readFileSync(join(folder, 'examples/lights.openapi.json'), 'utf8');
      await app.post('/api/devices', { name: 'lights', openSpec });
      symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
      writeFileSync(join(folder, 'talk.mjs'), here(blockWith('js', 'WebSocket')));
      const { code, stdout, stderr } = await runLines(`'${process.execPath}' talk.mjs`, folder);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(stdout.trim().split('\n').at(-1)).to.equal('agent → client [TASK_DONE]');
      expect(lights.state()).to.equal('living-room off, kitchen on 100 % white, bedroom off');
    });
  });

  it('has lines that lead from no document to a simulated meter that answers', async () => {
    const lines = blockWith('sh', 'init meter')
      .trim()
      .split('\n')
      .map((line) => line.replace(/ +#.*/, ''));
    expect(lines.map((line) => line.split(' ')[2])).to.deep.equal([
      'init',
      'tools',
      'simulate',
      'call',
      'chat',
    ]);
    const [init, tools, simulate, call, chat] = lines as [string, string, string, string, string];
    const shell = (line: string) => runLines(line, folder);

    expect((await shell(init)).code).to.equal(0);
    expect((await shell(tools)).stdout).to.include('read_power');
    const device = startCommand(simulate.split(' ').slice(2), { cwd: folder });
    const ended = once(device, 'close');
    try {
      let said = '';
      device.stdout.on('data', (data: Buffer) => (said += data.toString()));
      while (!said.includes('Control port')) await once(device.stdout, 'data');
      const address = /127\.0\.0\.1:\d+/.exec(said)?.[0] ?? '';
      const there = (line: string): string => line.replace('ADDRESS', address);
      const called = await shell(there(call));
      expect(called).to.deep.include({ code: 0 });
      expect(called.stdout)
        .to.match(/^value: \d+$/m)
        .and.match(/^uom: W$/m);
      const talked = await shell(
        `echo 'Read the power' | PORT=0 ${there(chat)}`.replace('PORT=0 npx', 'npx'),
      );
      expect([talked.code, /^Power: [1-9]\d* W\.$/m.test(talked.stdout)], talked.stderr).to.deep.equal([
        0,
        true,
      ]);
    } finally {
      device.kill('SIGINT');
      await ended;
    }
  });
});
