import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../lib/package.ts';
import { openTestApp, type TestApp } from './support/app.ts';
import { startCommand } from './support/command.ts';
import { openHttpDevice, type HttpDevice } from './support/http-device.ts';
import { codeBlocks, manualPages, runLines } from './support/manual.ts';
import { waitFor } from './support/wait-for.ts';

describe('the commands of the manual', function () {
  this.timeout(60_000); // each line starts a process
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'manual-'));
    cpSync(join(packageRoot(), 'examples'), join(folder, 'examples'), { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const tried = new Set<string>();

  /** The block of a page that has these words. */
  function blockOf(page: string, words: string): string {
    const text = manualPages().find(({ path }) => path === `lib/docs/${page}`)?.text ?? '';
    const block = codeBlocks({ text }, 'sh').find(({ code }) => code.includes(words))?.code ?? '';
    tried.add(block);
    return block;
  }

  it('make the first admin and a key for a machine, approve and disable', async () => {
    const password = 'correct horse battery staple';
    expect(await runLines('npx lite-agent user add bob', folder, password)).to.deep.include({ code: 0 });
    const { code, stdout } = await runLines(blockOf('users.md', 'user add ann'), folder, password);
    const lines = stdout.trim().split('\n');
    expect([code, lines.length]).to.deep.equal([0, 5]);
    expect(lines[0]).to.match(/^ann is a user now \(admin, /);
    expect(lines[1]).to.match(/^eyJ/);
    expect(lines[2]).to.match(/^sk-/);
    expect(lines.slice(3)).to.deep.equal(['bob is approved.', 'ann is disabled.']);
  });

  it('register a device, check it, show a request and watch it', async () => {
    expect(await runLines('npx lite-agent init lamp lamp.yaml', folder)).to.deep.include({ code: 0 });
    // With an address of another machine in its document, the simulated device takes a free port.
    const document = join(folder, 'lamp.yaml');
    writeFileSync(document, readFileSync(document, 'utf8').replace('127.0.0.1:8080', 'lamp.example'));
    const device = startCommand(['simulate', 'lamp.yaml'], { cwd: folder });
    const ended = once(device, 'close');
    try {
      let said = '';
      device.stdout.on('data', (data: Buffer) => (said += data.toString()));
      while (!said.includes('Control port')) await once(device.stdout, 'data');
      const server = /listens on (http:\S+)/.exec(said)?.[1] ?? '';
      const lines = blockOf('devices.md', 'device add')
        .replace(/^npx lite-agent init .*\n/, '')
        .replace('http://10.0.0.7', server);
      const { code, stdout, stderr } = await runLines(lines, folder, 'Is the lamp on?');
      expect(code, stderr).to.equal(0);
      const shown = stdout.replaceAll(/\d+ ms/g, 'N ms').split('\n');
      expect(shown[0]).to.equal('desk is registered: version 1, openapi, 2 tools');
      expect(shown).to.include('desk  v1  openapi  Lamp');
      expect(stdout)
        .to.match(/^desk: .*reachable/m)
        .and.include(`{"method":"PUT","url":"${server}/power"`);
    } finally {
      device.kill('SIGINT');
      await ended;
    }
  });

  it('show, check and export an audit log that is empty', async () => {
    const lines = blockOf('rules.md', 'audit list');
    expect(await runLines(lines, folder)).to.deep.equal({
      code: 0,
      stdout: 'No write was tried.\nThe audit log is empty.\nThe audit log is empty.\n',
      stderr: '',
    });
  });

  it('make keys with scopes, show them and revoke one', async () => {
    const password = 'correct horse battery staple';
    expect(await runLines('npx lite-agent user add ann', folder, password)).to.deep.include({ code: 0 });
    const [chat, app, keys, revoke] = blockOf('permissions.md', 'user key ann').split('\n');
    const made = await runLines(
      `${chat}\n${app!.replace('0195e3c1-…', '0195e3c1')}\n${blockOf('running.md', '--scope metrics')}\n${keys}`,
      folder,
    );
    expect(made.code, made.stderr).to.equal(0);
    for (const scope of ['chat', 'app:0195e3c1', 'metrics']) expect(made.stdout).to.include(scope);
    const [id = ''] = /[\da-f]{8}-[\da-f-]{27}/.exec(made.stdout) ?? [];
    const revoked = await runLines(revoke!.replace('0195e3c1-…', id), folder);
    expect(revoked.code, revoked.stderr).to.equal(0);
  });

  it('print the settings of MCP hosts', async () => {
    const { code, stdout, stderr } = await runLines(blockOf('mcp.md', '--print-config'), folder);
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout)
      .to.match(/lights\.openapi\.json/)
      .and.match(/--device/)
      .and.match(/http:\/\/127\.0\.0\.1:9527\/api/);
  });

  it('simulate devices, call one and watch it', async () => {
    const [simulate, ...uses] = blockOf('simulation.md', 'simulate').trim().split('\n');
    cpSync(join(folder, 'examples/lights.openapi.json'), join(folder, 'lights.openapi.json'));
    writeFileSync(join(folder, 'meter.openmodbus.json'), JSON.stringify(meter));
    const words = simulate!.replace(/ +#.*/, '').split(' ').slice(2);
    const devices = startCommand([...words, '--port', '0'], { cwd: folder });
    const ended = once(devices, 'close');
    try {
      let said = '';
      devices.stdout.on('data', (data: Buffer) => (said += data.toString()));
      while (!said.includes('Control port')) await once(devices.stdout, 'data');
      const [, place = '', lights = ''] = /listens on (127\S+)[^]*listens on (http\S+)/.exec(said) ?? [];
      const lines = uses.join('\n').replaceAll('127.0.0.1:41234', place);
      const { code, stdout, stderr } = await runLines(
        lines
          .replace('--every 500ms', '--every 100ms --count 2')
          .replace('--count 10', `--count 2 --server ${lights}`),
        folder,
      );
      expect(code, stderr).to.equal(0);
      expect(stdout)
        .to.match(/^value: \d+$/m)
        .and.match(/read_voltage\t\d+\tV/)
        .and.match(/^\S+Z\tget_light\b/m);
    } finally {
      devices.kill('SIGINT');
      await ended;
    }
  });

  describe('beside a running server', () => {
    let app: TestApp;
    let lamp: HttpDevice;
    beforeEach(async () => {
      app = await openTestApp();
      lamp = await openHttpDevice();
      writeFileSync(join(folder, '.env.local'), `PORT=${new URL(app.url).port}\n`);
    });
    afterEach(async () => {
      await app.close();
      await lamp.close();
    });

    it('show the calls that wait, approve one and reject another', async () => {
      const rules = { calls: [{ effect: 'write', decision: 'ask', approvers: 'owner' }] };
      const openSpec = { ...lampDocument, servers: [{ url: lamp.url }] };
      expect((await app.post('/api/devices', { name: 'lamp', openSpec, rules })).status).to.equal(201);
      const call = () => app.post('/api/devices/lamp/tools/switch_on', { arguments: {} });
      const waiting = async (): Promise<string[]> =>
        ((await app.get('/api/approvals')).body as { id: string }[]).map(({ id }) => id);
      const calls = [call()];
      await waitFor(async () => (await waiting()).length === 1);
      calls.push(call());
      await waitFor(async () => (await waiting()).length === 2);
      const [first = '', second = ''] = await waiting();
      const lines = blockOf('rules.md', 'approvals list').replace('approve ID', `approve ${first}`);
      const { code, stdout, stderr } = await runLines(lines.replace('reject ID', `reject ${second}`), folder);
      expect(code, stderr).to.equal(0);
      expect(stdout).to.include(first).and.to.include(second);
      const [approved, rejected] = (await Promise.all(calls)).map(({ body }) => body as { error?: object });
      expect(approved).to.not.have.property('error');
      expect(rejected?.error).to.deep.include({ code: 'rejected' });
      expect(lamp.seen).to.have.length(1);
    });

    it('stop everything, show the stop, and release it', async () => {
      const { code, stdout, stderr } = await runLines(blockOf('rules.md', 'estop --reason'), folder);
      expect(code, stderr).to.equal(0);
      expect(stdout).to.include('somebody is in the room');
      expect((await app.get('/api/estop')).body).to.deep.equal({ engaged: false, stops: [] });
    });
  });

  /** Blocks that no spec of this file runs, by their first words, each with the reason. */
  const notRun: Record<string, string> = {
    'docker build': 'there is no Docker here; the page says that it was not tried',
    '(umask 077': 'there is no Docker here; the page says that it was not tried',
    'npx lite-agent backup': 'spec/backup makes backups of servers that work, and restores them elsewhere',
    'npm install @opentelemetry': 'it downloads packages',
  };

  // A suite of its own runs after all others.
  describe('without exception', () => {
    it('are all tried, or a reason says why not', () => {
      const blocks = manualPages()
        .filter(({ path }) => path !== 'README.md') // spec/readme.long.spec.ts runs those
        .flatMap((page) => codeBlocks(page, 'sh').map(({ code }) => code));
      const left = blocks.filter(
        (code) => !tried.has(code) && !Object.keys(notRun).some((words) => code.startsWith(words)),
      );
      expect(left).to.deep.equal([]);
    });
  });
});

const range = { slaveId: 1, storage: 'inputRegisters' };
const meter = {
  openmodbus: '1.0.0',
  info: { title: 'Meter' },
  server: { type: 'tcp', config: { url: '127.0.0.1', port: 5020 } },
  functions: [
    {
      name: 'read_power',
      method: 'read',
      path: { ...range, address: 0 },
      return: { name: 'power', type: 'uint16', uom: 'W' },
    },
    {
      name: 'read_voltage',
      method: 'read',
      path: { ...range, address: 1 },
      return: { name: 'voltage', type: 'uint16', uom: 'V' },
    },
  ],
};
const lampDocument = {
  openapi: '3.1.0',
  info: { title: 'Lamp', version: '1' },
  paths: { '/on': { post: { operationId: 'switch_on', responses: { 200: { description: 'ok' } } } } },
};
