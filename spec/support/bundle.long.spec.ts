import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../../lib/package.ts';
import { builtFolder } from './console.ts';

describe('files that a run builds', function () {
  this.timeout(60_000);

  it('stay while their process runs, also when another process builds its own: a browser needs its page to the end', async () => {
    const folder = await builtFolder();
    const script = `import { bundleOf } from './spec/support/bundle.ts'; bundleOf('bin/lite-agent.ts');`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script];
    execFileSync(process.execPath, args, { cwd: packageRoot(), timeout: 50_000 });
    expect(existsSync(join(folder, 'index.html'))).to.equal(true);
  });
});
