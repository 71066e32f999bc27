import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { nextSignal } from '../../lib/cli/signals.ts';
import { tsx } from '../support/command.ts';

describe('nextSignal', function () {
  this.timeout(30_000); // each test starts processes, which take their time on a busy machine
  const signals = new URL('../../lib/cli/signals.ts', import.meta.url).href;

  /** A process that prints each signal it is told of and never ends by itself. */
  async function startWaiting(): Promise<ChildProcess> {
    const source = `
      import { nextSignal } from '${signals}';
      const { signal } = nextSignal();
      console.log('ready');
      setInterval(() => {}, 1000);
      console.log(await signal);`;
    const child = spawn(process.execPath, ['--import', tsx, '--input-type=module', '-e', source]);
    await once(child.stdout, 'data');
    return child;
  }

  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`tells of the first ${name}, and ends at the second with ${code}`, async () => {
      const child = await startWaiting();
      const ended = once(child, 'exit');
      child.kill(name);
      const [said] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
      expect(said.toString()).to.equal(`${name}\n`);
      child.kill(name);
      expect(await ended).to.deep.equal([code, null]);
    });
  }

  it('leaves no listeners when it is cancelled', () => {
    const count = () => process.listenerCount('SIGINT') + process.listenerCount('SIGTERM');
    const before = count();
    const { cancel } = nextSignal();
    expect(count()).to.equal(before + 2);
    cancel();
    expect(count()).to.equal(before);
  });
});
