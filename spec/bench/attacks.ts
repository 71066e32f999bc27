import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FloodServer } from '../support/flood-server.ts';
import { yamlOf } from '../support/flood-world.ts';
import { openMcpHost } from '../support/mcp-host.ts';
import { attackCases, type AttackCase } from './attack-cases.ts';
import { table } from './table.ts';

/** An address that takes no part in an attack. */
const FRIEND = '127.0.0.200';

/**
 * The attacks that once froze a server or filled its memory (`before`), each on a fresh server with the default limits: how long
 * `/healthz` on a new connection of somebody else waited at most, how long the event loop was held, and the memory of the process.
 * `ATTACKS=12` runs those whose name contains the text.
 */
export async function run(): Promise<void> {
  const wanted = attackCases.filter(({ name }) => name.includes(process.env['ATTACKS'] ?? ''));
  const rows: Record<string, string | number>[] = [];
  for (const attack of wanted) {
    rows.push(await measure(attack));
    console.error(JSON.stringify(rows.at(-1))); // some take a minute
  }
  console.log(table(rows));
}

async function measure({ name, before, run: attack }: AttackCase): Promise<Record<string, string | number>> {
  const folder = mkdtempSync(join(tmpdir(), 'attacks-'));
  const database = { DATABASE_URL: `sqlite:${join(folder, 'a.db')}` };
  const server = await FloodServer.open({ DATA_DIR: folder, ...database });
  try {
    await warmUp(server);
    const { memoryMiB: idleMiB } = await server.report();
    const watch = await watchHealth(server);
    const outcome = await attack({ server, folder });
    const waitMs = await watch.stop();
    const { heldMs, memoryMiB } = await server.report();
    return {
      attack: name,
      before,
      'longest wait ms': String(waitMs),
      'longest hold ms': String(heldMs),
      'MiB before': String(idleMiB),
      'MiB most': String(memoryMiB),
      now: outcome,
    };
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
}

/** Does every kind of work once: modules are loaded when they are needed first. */
async function warmUp(server: FloodServer): Promise<void> {
  const account = { username: 'first', email: 'first@example.com', password: 'right horse battery 7' };
  for (const [path, body] of [
    ['/api/init', { openSpecList: [{ openSpec: yamlOf('first', 1000) }] }],
    ['/api/v1/user/register', account],
  ] as const)
    await server.send(FRIEND, 'POST', path, { body });
  await (await openMcpHost(`http://127.0.0.1:${server.port}/mcp`)).close();
  await server.report();
}

/** Watches the server from another process; `stop` resolves with the longest wait in ms. */
async function watchHealth({ port }: FloodServer): Promise<{ stop(): Promise<number> }> {
  const program = join(import.meta.dirname, 'health-watch.ts');
  const watcher = fork(program, [String(port)], { execArgv: ['--import', 'tsx'] });
  await once(watcher, 'message');
  return {
    async stop() {
      watcher.send('stop');
      const [longestMs] = (await once(watcher, 'message')) as [number];
      return longestMs;
    },
  };
}
