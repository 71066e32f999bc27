import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { bundleOptions } from '../../.ci/bundle.mjs';
import { packageRoot } from '../../lib/package.ts';

/** The packages that the sources name to Node at run time, which a bundler does not see. */
function namedAtRunTime(): string[] {
  const lib = join(packageRoot(), 'lib');
  const files = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.tsx?$/.test(name),
  );
  const names = files.flatMap((name) => {
    const calls = readFileSync(join(lib, name), 'utf8').matchAll(
      /\b(?:import\.meta\.resolve|load)\('((?:@[^/']+\/)?[^/']+)/g,
    );
    return [...calls].map(([, found]) => found!);
  });
  return [...new Set(names)].filter((name) => name !== 'tsx'); // for a server that runs from source
}

describe('the packages of the image', function () {
  this.timeout(60_000);

  it('are those that the bundle lacks, with what they and the bundled ones need, without sources', () => {
    const folder = mkdtempSync(join(tmpdir(), 'image-'));
    try {
      execFileSync(process.execPath, ['.ci/image.mjs', folder], { cwd: packageRoot() });
      const has = (path: string): boolean => existsSync(join(folder, path));
      const external = (bundleOptions.external ?? []).filter(
        (name) => !name.endsWith('*') && name !== 'pg-native',
      );
      expect(external.filter((name) => !has(name))).to.deep.equal([]);
      const named = namedAtRunTime();
      expect(named).to.include.members(['ajv', 'unpdf', 'swagger-ui-dist']);
      expect(named.filter((name) => !has(name))).to.deep.equal([]);
      // prom-client, which is in the bundle, loads it.
      expect(has('@opentelemetry/api/build/src/index.js')).to.equal(true);
      expect(has('better-sqlite3/build/Release/better_sqlite3.node')).to.equal(true);
      expect(['better-sqlite3/deps', 'express', 'mocha'].filter(has)).to.deep.equal([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
