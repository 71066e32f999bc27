import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { bundleOptions } from '../../.ci/bundle.mjs';
import { packageRoot } from '../../lib/package.ts';

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
      // prom-client, which is in the bundle, loads it.
      expect(has('@opentelemetry/api/build/src/index.js')).to.equal(true);
      expect(has('better-sqlite3/build/Release/better_sqlite3.node')).to.equal(true);
      expect(['better-sqlite3/deps', 'express', 'mocha'].filter(has)).to.deep.equal([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
