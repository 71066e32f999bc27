import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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
});
