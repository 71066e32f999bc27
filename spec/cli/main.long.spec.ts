import { expect } from 'chai';
import { exitText } from '../../lib/cli/exit-text.ts';
import { packageVersion } from '../../lib/package.ts';
import { runCommand } from '../support/command.ts';

describe('lite-agent', function () {
  this.timeout(30_000); // each test starts processes, which take their time on a busy machine
  it('prints its version', async () => {
    expect(await runCommand(['--version'])).to.deep.equal({
      code: 0,
      stdout: `${packageVersion()}\n`,
      stderr: '',
    });
  });

  it('lists its commands with --help', async () => {
    const { code, stdout, stderr } = await runCommand(['--help']);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.match(/^Usage: lite-agent /);
  });

  it('shows its help on stderr when nothing is asked of it, and ends with 2', async () => {
    const { code, stdout, stderr } = await runCommand([]);
    expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
    expect(stderr).to.match(/^Usage: lite-agent /);
  });

  it('names the fault in a command line, and ends with 2', async () => {
    const { code, stdout, stderr } = await runCommand(['fly']);
    expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
    expect(stderr).to.match(/^error: .+\n\(--help tells more\)\n/);
  });

  it('says what to do where a compiled package is missing or is for another Node.js', () => {
    const advice =
      'a compiled package, such as better-sqlite3, is missing or is for another Node.js. Run `npm ci` with the Node.js that starts this program.';
    const missing = new Error(
      'Could not locate the bindings file. Tried:\n → /app/build/better_sqlite3.node',
    );
    const foreign = Object.assign(new Error('was compiled against a different Node.js version'), {
      code: 'ERR_DLOPEN_FAILED',
    });
    expect([missing, foreign, new Error('odd')].map(exitText)).to.deep.equal([
      advice,
      advice,
      'unexpected: odd',
    ]);
  });
});
