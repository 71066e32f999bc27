import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { expect } from 'chai';
import { checkLoop, startWatchdog } from './loop-watchdog.ts';

describe('the watchdog of an event loop', () => {
  const STEP_MS = 250;
  let watchdog: ReturnType<typeof startWatchdog>;
  beforeEach(() => (watchdog = startWatchdog()));
  afterEach(() => watchdog.stop());

  function work(ms: number): void {
    const spent = (): number => process.cpuUsage().user / 1000;
    const began = spent();
    while (spent() - began < ms);
  }

  it('notices a step that works for 250 ms', () => {
    watchdog.take();
    work(STEP_MS);
    expect(watchdog.take().heldMs).to.be.at.least(STEP_MS - 10);
  });

  it('notices a step that waits for 250 ms, as one on a slow disk does', () => {
    watchdog.take();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STEP_MS);
    expect(watchdog.take().heldMs).to.be.at.least(STEP_MS - 10);
  });

  it('notices a step between two looks', async () => {
    watchdog.take();
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        work(STEP_MS);
        resolve();
      });
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(watchdog.take().heldMs).to.be.at.least(STEP_MS - 10);
  });

  it('does not count the time in which other programs have the processor', async () => {
    const others: ChildProcess[] = [];
    try {
      for (let at = 0; at < 2 * availableParallelism(); at += 1)
        others.push(
          spawn(process.execPath, ['-e', 'console.log(1); for (;;);'], {
            stdio: ['ignore', 'pipe', 'inherit'],
          }),
        );
      await Promise.all(others.map(({ stdout }) => once(stdout!, 'data')));
      watchdog.take();
      const began = performance.now();
      work(100);
      const took = performance.now() - began;
      const { heldMs } = watchdog.take();
      expect(heldMs, `of ${took} ms`).to.be.within(90, Math.max(180, took / 2));
    } finally {
      for (const other of others) other.kill('SIGKILL');
    }
  });

  it('names the input in its error', () => {
    expect(() => checkLoop({ heldMs: 201, memoryMiB: 1 }, 'YAML with many keys')).to.throw(
      'YAML with many keys held the event loop for 201 ms',
    );
    checkLoop({ heldMs: 200, memoryMiB: 1 }, 'a short document');
  });
});
