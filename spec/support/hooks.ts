import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { RootHookObject } from 'mocha';
import { forgetSharedPostgresServer, stopSharedPostgresServer } from './postgres.ts';

/** Kinds of what keeps a process alive, e.g. `TCPServerWrap`, as often as there are such things. */
function openThings(): string[] {
  return process.getActiveResourcesInfo().filter((kind) => kind !== 'Immediate' && kind !== 'FSReqPromise');
}

/** What is open now and was not before. */
function leaksSince(before: readonly string[]): string[] {
  const known = [...before];
  return openThings().filter((kind) => {
    const at = known.indexOf(kind);
    if (at >= 0) known.splice(at, 1);
    return at < 0;
  });
}

/** Mocha tells of uncaught exceptions itself; of unhandled rejections it says nothing, and the run would pass. */
const escaped = new Set<unknown>();
process.on('unhandledRejection', (reason) => escaped.add(reason));

// Mocha's pool sends SIGTERM to a process that takes more than a second to end. One that writes its coverage takes longer.
if (process.send) process.on('SIGTERM', () => undefined);

let before: string[] = [];

/**
 * Fails the run on an unhandled rejection or uncaught exception of the code under test, whichever test is running, and
 * on sockets, servers, child processes and timers that are still open two seconds after the last test.
 */
export const mochaHooks: RootHookObject = {
  async beforeAll() {
    await delay(1); // from here on mocha's own timer for this hook counts, as it does in the one below
    before = openThings();
  },
  async afterAll() {
    const deadline = Date.now() + 2000;
    while (leaksSince(before).length > 0 && Date.now() < deadline) await delay(20, undefined, { ref: false });
    const faults = [...escaped].map((reason) => `unhandled rejection: ${inspect(reason)}`);
    const leaks = leaksSince(before);
    if (leaks.length > 0) {
      faults.push(
        `left open after the last test: ${leaks.join(', ')} (run one file at a time to find whose)`,
      );
      // What leaked would keep mocha from ever ending; a run that can end does so before this timer.
      setTimeout(() => process.exit(1), 1000).unref();
    }
    if (faults.length > 0) throw new Error(faults.join('\n'));
  },
};

/** Runs once, before the first file of a run, in the process that starts the workers. */
export function mochaGlobalSetup(): void {
  forgetSharedPostgresServer();
}

/** Runs once, after the last file of a run, in the process that starts the workers. */
export async function mochaGlobalTeardown(): Promise<void> {
  await stopSharedPostgresServer();
}
