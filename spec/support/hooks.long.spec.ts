import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';

describe('the hooks of every run', function () {
  this.timeout(60_000); // each test starts a run, which takes its time on a busy machine
  const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'hooks-'))));
  after(() => rmSync(folder, { recursive: true }));

  async function run(name: string, source: string): Promise<{ code: number | null; output: string }> {
    const file = join(folder, `${name}.mjs`);
    writeFileSync(file, source);
    const child = spawn(process.execPath, [mocha, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const output = await text(child.stdout);
    return { code: await ended, output };
  }

  it('pass a run that is clean', async () => {
    expect(await run('clean', `it('is clean', () => {});`)).to.have.property('code', 0);
  });

  it('fail a run with an unhandled rejection, which mocha itself lets pass', async () => {
    const { code, output } = await run(
      'rejects',
      `it('rejects', (done) => { void Promise.reject(new Error('nobody waits')); setImmediate(done); });`,
    );
    expect(code).to.equal(1);
    expect(output).to.include('unhandled rejection: Error: nobody waits').and.include('1 passing');
  });

  it('fail a run that leaves something open, and end it', async () => {
    const { code, output } = await run(
      'leaks',
      `import net from 'node:net'; it('leaks', (done) => void net.createServer().listen(0, '127.0.0.1', done));`,
    );
    expect(code).to.equal(1);
    expect(output).to.include('left open after the last test: TCPServerWrap');
  });
});
