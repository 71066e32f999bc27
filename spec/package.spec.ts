import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { packageRoot, packageVersion } from '../lib/package.ts';

interface Locked {
  version?: string;
  optionalDependencies?: Record<string, string>;
}

describe('the package', () => {
  const read = (name: string) =>
    JSON.parse(readFileSync(join(packageRoot(), name), 'utf8')) as Record<string, unknown>;

  it('knows its folder and its version', () => {
    expect(existsSync(join(packageRoot(), 'examples/lights.openapi.json'))).to.equal(true);
    expect(packageVersion()).to.equal(read('package.json')['version']);
  });

  it('locks the optional packages of every system, as `npm ci` wants, wherever the lock file was written', () => {
    const packages = read('package-lock.json')['packages'] as Record<string, Locked>;
    const known = new Set(
      Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)),
    );
    const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
      Object.keys(optionalDependencies),
    );
    expect(wanted.filter((name) => !known.has(name))).to.deep.equal([]);
    expect(wanted).to.include('@oxlint/binding-darwin-arm64');
  });

  it('has a program before the build, which says how it is built', async () => {
    const { bin } = read('package.json') as { bin: Record<string, string> };
    const folder = mkdtempSync(join(tmpdir(), 'lite-agent-unbuilt-'));
    try {
      cpSync(join(packageRoot(), 'bin'), join(folder, 'bin'), { recursive: true });
      const program = join(folder, bin['lite-agent'] ?? '');
      const { code, stderr } = (await promisify(execFile)(program).catch(
        (error: { code: number; stderr: string }) => error,
      )) as { code: number; stderr: string };
      expect(code).to.equal(1);
      expect(stderr).to.equal(
        `lite-agent: the program is not built yet. Run \`npm ci\` and \`npm run build\` in ${folder}/, then this again.\n`,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
