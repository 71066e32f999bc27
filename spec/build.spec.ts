import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { packageRoot } from '../lib/package.ts';

const run = promisify(execFile);

/** What is started is one bundle, built from the sources that all other specs load file by file. */
describe('the built program', function () {
  this.timeout(120_000);
  let cwd: string;
  before(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'build-'));
    await run('npm', ['run', '--silent', 'build'], { cwd: packageRoot() });
  });
  after(() => rmSync(cwd, { recursive: true }));

  it('says its version, runs the demo and reads documents of every kind', async () => {
    const program = join(packageRoot(), 'dist/bin/lite-agent.js');
    const lite = async (...args: string[]): Promise<string> =>
      (await run(process.execPath, [program, ...args], { cwd, env: { PATH: process.env.PATH, PORT: '0' } }))
        .stdout;
    expect(await lite('--version')).to.match(/^\d+\.\d+\.\d+\n$/);
    expect((await lite('demo', '--once')).match(/\[TASK_DONE\]/g)).to.have.length(3);
    for (const name of ['air-conditioner.openmodbus.json', 'lights.openapi.json', 'robot.openrpc.json']) {
      const { tools, warnings } = JSON.parse(
        await lite('tools', join(packageRoot(), 'examples', name), '--json'),
      ) as {
        tools: unknown[];
        warnings: string[];
      };
      expect([tools.length > 0, warnings]).to.deep.equal([true, []]);
    }
  });

  it('can be embedded', async () => {
    const entry = join(packageRoot(), 'dist/lib/index.js');
    const { openApp, readConfig } = (await import(entry)) as typeof import('../lib/index.ts');
    const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    const settings = { PORT: '0', DATABASE_URL: 'sqlite::memory:' };
    const app = await openApp(readConfig({ env: settings, cwd }), quiet);
    const answer = await fetch(`${app.url}/api/version`);
    expect(Object.keys((await answer.json()) as object)).to.deep.equal(['version']);
    await app.close();
  });
});
