import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { packageRoot, packageVersion } from '../lib/package.ts';

const run = promisify(execFile);

/** The package as `npm pack` makes it, unpacked in an empty project. Its dependencies are links to those of this folder. */
describe('the published package', function () {
  this.timeout(240_000);
  const root = packageRoot();
  let project: string;
  let published: string;
  before(async () => {
    project = mkdtempSync(join(tmpdir(), 'lite-agent-project-'));
    await run('npm', ['pack', '--silent', '--pack-destination', project], { cwd: root });
    const [archive = ''] = readdirSync(project);
    await run('tar', ['-xzf', archive], { cwd: project });
    const modules = join(project, 'node_modules');
    mkdirSync(modules);
    for (const name of readdirSync(join(root, 'node_modules')))
      symlinkSync(join(root, 'node_modules', name), join(modules, name));
    published = join(modules, 'lite-agent-server');
    cpSync(join(project, 'package'), published, { recursive: true });
    writeFileSync(join(project, 'package.json'), '{"type":"module"}');
    cpSync(join(root, 'examples/extensions.ts'), join(project, 'extensions.ts'));
  });
  after(() => rmSync(project, { recursive: true }));

  it('has the program, the library, the examples, the manual and the papers, and nothing else', () => {
    expect(readdirSync(published).sort()).to.deep.equal([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'bin',
      'dist',
      'examples',
      'lib',
      'package.json',
    ]);
  });

  it('says its version, runs the demo and reads documents of every kind', async () => {
    const program = join(published, 'bin/lite-agent.mjs');
    const env = { PATH: process.env.PATH, PORT: '0' };
    const lite = async (...args: string[]): Promise<string> =>
      (await run(process.execPath, [program, ...args], { cwd: project, env })).stdout;
    expect(await lite('--version')).to.equal(`${packageVersion()}\n`);
    expect((await lite('demo', '--once')).match(/\[TASK_DONE\]/g)).to.have.length(3);
    for (const name of ['air-conditioner.openmodbus.json', 'lights.openapi.json', 'robot.openrpc.json']) {
      const document = join(published, 'examples', name);
      const { tools, warnings } = JSON.parse(await lite('tools', document, '--json')) as {
        tools: unknown[];
        warnings: string[];
      };
      expect([tools.length > 0, warnings]).to.deep.equal([true, []]);
    }
  });

  it('can be embedded', async () => {
    const entry = join(published, 'dist/lib/index.js');
    const { openApp, quiet, readConfig } = (await import(entry)) as typeof import('../lib/index.ts');
    const settings = { PORT: '0', DATABASE_URL: 'sqlite::memory:' };
    const app = await openApp(readConfig({ env: settings, cwd: project }), quiet);
    const answer = await fetch(`${app.url}/api/version`);
    expect(Object.keys((await answer.json()) as object)).to.deep.equal(['version']);
    await app.close();
  });

  it('gives types to a program that adds a kind, a driver, a model and a dialect', async () => {
    const compilerOptions = {
      target: 'ES2023',
      module: 'NodeNext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
      skipLibCheck: true,
      types: ['node'],
    };
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['extensions.ts'] }),
    );
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout } = await run(process.execPath, [tsc, '-p', project]);
    expect(stdout).to.equal('');
  });

  it('runs that program', async () => {
    const tsx = join(root, 'node_modules/tsx/dist/cli.mjs');
    const { stdout } = await run(process.execPath, [tsx, 'extensions.ts'], { cwd: project });
    expect(JSON.parse(stdout)).to.deep.equal({ answer: 'Done.', results: [{ on: true }] });
  });
});
