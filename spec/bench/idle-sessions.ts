import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fill } from './fill.ts';
import { launch, pinDriver, rssKb } from './processes.ts';
import { table } from './table.ts';

const SECRET = 'a secret of the benchmark';
const AT_ONCE = 50;
/** Longer than the server keeps a session that nobody uses in memory, and its look for such. */
const REST_MS = 100_000;

/**
 * Memory of 10,000 sessions: while their history lives only in the store, after each was read once (a session stays in
 * memory for a minute), and when they rest again. What V8 has taken it gives back late, so the last is an upper bound.
 */
export async function run(sessions = 10_000, lines = 50, restMs = REST_MS): Promise<void> {
  pinDriver();
  const folder = mkdtempSync(join(tmpdir(), 'lite-agent-idle-'));
  const start = (database: string) =>
    launch(
      ['dist/bin/lite-agent.js', 'serve'],
      {
        DATA_DIR: folder,
        DATABASE_URL: `sqlite:${join(folder, database)}`,
        SECRET_KEY: SECRET,
        LOG_LEVEL: 'error',
      },
      'server',
    );
  try {
    const ids = await fill(`sqlite:${join(folder, 'full.db')}`, SECRET, sessions, lines);
    const [one = ''] = await fill(`sqlite:${join(folder, 'empty.db')}`, SECRET, 1, lines);
    const empty = await start('empty.db');
    for (let count = 0; count < sessions; count += AT_ONCE)
      await Promise.all(Array.from({ length: AT_ONCE }, () => read(empty.port, one)));
    const base = rssKb(empty.pid);
    await empty.stop();
    const full = await start('full.db');
    await read(full.port, ids[0]!);
    const rows = [
      { state: `one session, read ${sessions} times`, 'RSS MB': base / 1024, 'KB a session': '' },
    ];
    const note = (state: string): void => {
      const rss = rssKb(full.pid);
      rows.push({ state, 'RSS MB': rss / 1024, 'KB a session': ((rss - base) / sessions).toFixed(2) });
    };
    note(`${sessions} in the store, none used yet`);
    for (let from = 0; from < sessions; from += AT_ONCE)
      await Promise.all(ids.slice(from, from + AT_ONCE).map((id) => read(full.port, id)));
    note('each read once just now');
    await delay(restMs);
    for (let count = 0; count < sessions; count += AT_ONCE)
      await Promise.all(Array.from({ length: AT_ONCE }, () => read(full.port, ids[0]!)));
    note('after a rest, and one of them read as often');
    await full.stop();
    console.log(`${sessions} sessions of ${lines} messages:\n\n${table(rows)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function read(port: number, id: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/history?id=${id}`);
  if (answer.status !== 200) throw new Error(`/history answered ${answer.status}`);
  await answer.arrayBuffer();
}
