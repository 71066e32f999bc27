import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { packageRoot, packageVersion } from '../lib/package.ts';

const run = promisify(execFile);

type Locked = Record<
  string,
  Record<'dependencies' | 'optionalDependencies', Record<string, string> | undefined>
>;

/** The packages that `npm install lite-agent-server` brings, as paths in `node_modules`: the dependencies, and those of each of them. */
function installedWith(root: string): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Locked;
  };
  const found = new Set<string>();
  const visit = (place: string): void => {
    const { dependencies, optionalDependencies } = packages[place]!;
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const next = placeOf(packages, name, place);
      if (next === undefined || found.has(next) || !existsSync(join(root, next))) continue;
      found.add(next);
      visit(next);
    }
  };
  visit('');
  return [...found].map((place) => place.slice('node_modules/'.length));
}

/** The folder of a package as seen from another one: its own, or that of one above [Node: loading from node_modules]. */
function placeOf(packages: Locked, name: string, from: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const place = join(folder, 'node_modules', name);
    if (place in packages) return place;
    if (folder === '') return undefined;
  }
}

/** The package as `npm pack` makes it, unpacked in an empty project, with the packages that an installation brings. */
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
    for (const name of [...installedWith(root), '@types/node', 'undici-types']) {
      const from = join(root, 'node_modules', name);
      const filter = (path: string): boolean => !path.slice(from.length).includes('node_modules');
      cpSync(from, join(modules, name), { recursive: true, filter });
    }
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

  it('is small, and says which packages a bucket needs', async () => {
    const bytes = readdirSync(join(project, 'node_modules'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
    expect(bytes).to.be.below(100 * 1024 * 1024);
    const bucket = { ENDPOINT: 'http://127.0.0.1:9', REGION: 'r', BUCKET: 'b', ACCESS_KEY_ID: 'a' };
    const env = { PATH: process.env.PATH, PORT: '0', S3_SECRET_ACCESS_KEY: 's'.repeat(32) };
    for (const [name, value] of Object.entries(bucket)) Object.assign(env, { [`S3_${name}`]: value });
    const program = join(published, 'bin/lite-agent.mjs');
    const serve = run(process.execPath, [program, 'serve'], { cwd: project, env });
    expect(((await serve.catch((error: unknown) => error)) as { stderr: string }).stderr).to.equal(
      'lite-agent: S3_ENDPOINT is set, and the packages for buckets are missing: take the setting out, or run `npm install @aws-sdk/client-s3 @aws-sdk/lib-storage @aws-sdk/s3-request-presigner`.\n',
    );
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
