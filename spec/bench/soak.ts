import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { launch, pinDriver, rssKb, type Program } from './processes.ts';
import { table } from './table.ts';
import { ours } from './turn.ts';

const CLIENTS = 16;
const TURNS_A_SESSION = 10;
/** So many turns a second in all, where the server keeps up: a house with much to do, not a server at its limit. */
const PAUSE_MS = 500;
const MINUTES = Number(process.env['SOAK_MINUTES'] ?? 30);
const MINUTE_MS = 60_000;
/** Memory is the least of so many looks, one a second: the rest is garbage that nobody has collected yet. */
const LOOKS = 10;

interface Look {
  minute: number;
  turns: number;
  rssMb: number;
  heapMb: number;
  databaseMb: number;
  walMb: number;
  delayMs: number;
  longestMs: number;
}

/** Half an hour of steady turns (SOAK_MINUTES for another time): memory, files and loop delay at its start, middle and end. */
export async function run(): Promise<void> {
  pinDriver();
  const folder = mkdtempSync(join(tmpdir(), 'soak-'));
  const model = await launch(['spec/bench/peers/model.mjs'], {}, 'driver');
  const device = await launch(['spec/bench/peers/device.mjs'], {}, 'driver');
  const target = ours(folder);
  const program = await target.start({});
  const urls = { model: `http://127.0.0.1:${model.port}/v1`, device: `http://127.0.0.1:${device.port}` };
  const ending = new AbortController();
  const done = { turns: 0 };
  try {
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (!ending.signal.aborted) {
        const lane = await target.open(program, urls);
        for (let turn = 0; turn < TURNS_A_SESSION && !ending.signal.aborted; turn += 1) {
          await lane.turn();
          done.turns += 1;
          await delay(PAUSE_MS);
        }
        await lane.close();
      }
    });
    await delay(Math.min(MINUTE_MS, (MINUTES * MINUTE_MS) / 5)); // compiled, and its caches full
    const looks: Look[] = [];
    const began = performance.now();
    for (const part of [0, 0.5, 1]) {
      const left = part * MINUTES * MINUTE_MS - (performance.now() - began);
      await delay(Math.max(0, left));
      looks.push(await lookAt(program, folder, done.turns, (performance.now() - began) / MINUTE_MS));
    }
    ending.abort();
    await Promise.all(clients);
    const rows = looks.map((look) =>
      Object.entries(look).map(([name, value]) => [name, Math.round(value * 10) / 10]),
    );
    console.log(
      `${CLIENTS} clients, a turn each ${PAUSE_MS} ms, a new session each ${TURNS_A_SESSION} turns:\n`,
    );
    console.log(table(rows.map((row) => Object.fromEntries(row) as Record<string, number>)));
  } finally {
    ending.abort();
    for (const one of [program, model, device]) await one.stop();
    rmSync(folder, { recursive: true });
  }
}

async function lookAt(program: Program, folder: string, turns: number, minute: number): Promise<Look> {
  const rss: number[] = [];
  const heap: number[] = [];
  const delays: number[] = [];
  const longest: number[] = [];
  for (let look = 0; look < LOOKS; look += 1) {
    const metrics = await (await fetch(`http://127.0.0.1:${program.port}/metrics`)).text();
    const of = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1]);
    rss.push(rssKb(program.pid) / 1024);
    heap.push(of('nodejs_heap_size_used_bytes') / 1024 ** 2);
    if (look > 0) {
      delays.push(of('nodejs_eventloop_lag_p99_seconds') * 1000); // since the look before
      longest.push(of('nodejs_eventloop_lag_max_seconds') * 1000);
    }
    await delay(1000);
  }
  const sizeMb = (name: string): number =>
    (statSync(join(folder, 'data-1', name), { throwIfNoEntry: false })?.size ?? 0) / 1024 ** 2;
  return {
    minute,
    turns,
    rssMb: Math.min(...rss),
    heapMb: Math.min(...heap),
    databaseMb: sizeMb('lite-agent.db'),
    walMb: sizeMb('lite-agent.db-wal'),
    delayMs: Math.max(...delays),
    longestMs: Math.max(...longest),
  };
}
