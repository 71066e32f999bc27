import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../lib/package.ts';
import { startCommand } from './support/command.ts';
import { codeBlocks, manualPages, runLines } from './support/manual.ts';

describe('the commands of the manual', function () {
  this.timeout(60_000); // each line starts a process
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'manual-'));
    cpSync(join(packageRoot(), 'examples'), join(folder, 'examples'), { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** The block of a page that has these words. */
  function blockOf(page: string, words: string): string {
    const text = manualPages().find(({ path }) => path === `lib/docs/${page}`)?.text ?? '';
    return codeBlocks({ text }, 'sh').find(({ code }) => code.includes(words))?.code ?? '';
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
      stdout: 'No write was tried.\nThe audit log is empty.\n',
      stderr: '',
    });
  });
});
