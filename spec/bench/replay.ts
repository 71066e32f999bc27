import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { WebSocket } from 'ws';
import { envelopesOf } from '../../lib/dialects/liteagent/envelope.ts';
import { fill, linesOf } from './fill.ts';
import { cpuMs, launch, pinDriver, rssKb } from './processes.ts';
import type { Program } from './processes.ts';
import { median, table } from './table.ts';

const SECRET = 'a secret of the benchmark';

/** A fresh client gets a log of 10,000 messages: through the whole server, and from a table of ready frames through bare ws. */
export async function run(lines = 10_000, repetitions = 7): Promise<void> {
  pinDriver();
  const folder = mkdtempSync(join(tmpdir(), 'lite-agent-replay-'));
  try {
    const url = `sqlite:${join(folder, 'log.db')}`;
    const [id = ''] = await fill(url, SECRET, 1, lines);
    const frames = linesOf(lines)
      .slice(1)
      .flatMap((line) => envelopesOf(id, line).map((envelope) => JSON.stringify(envelope)));
    const ready = join(folder, 'frames.db');
    storeFrames(ready, frames);
    const env = { DATA_DIR: folder, DATABASE_URL: url, SECRET_KEY: SECRET, LOG_LEVEL: 'error' };
    const targets = {
      'ready frames, bare ws': await launch(['spec/bench/peers/replay.mjs'], { DB_FILE: ready }, 'server'),
      'this server': await launch(['dist/bin/lite-agent.js', 'serve'], env, 'server'),
    };
    const paths = { 'ready frames, bare ws': '/', 'this server': `/api/chat?id=${id}&since=0` };
    const rows: Record<string, string | number>[] = [];
    for (const [name, program] of Object.entries(targets)) {
      const figures: Figures[] = [];
      const atRest = rssKb(program.pid);
      let peak = atRest;
      for (let count = 0; count <= repetitions; count += 1) {
        const one = await replay(program, paths[name as keyof typeof paths], frames.length);
        peak = Math.max(peak, one.peak);
        if (count > 0) figures.push(one); // the first one warms up
      }
      const of = (key: keyof Figures): number => median(figures.map((one) => one[key]));
      rows.push({
        target: name,
        messages: lines,
        envelopes: frames.length,
        ms: of('ms'),
        'CPU ms': of('cpu'),
        'µs CPU an envelope': (of('cpu') * 1000) / frames.length,
        'RSS MB at rest': atRest / 1024,
        'peak, MB more': (peak - atRest) / 1024,
      });
      await program.stop();
    }
    console.log(table(rows));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Figures {
  ms: number;
  cpu: number;
  /** In KB. */
  peak: number;
}

async function replay(program: Program, path: string, count: number): Promise<Figures> {
  const cpuBefore = cpuMs(program.pid);
  let peak = rssKb(program.pid);
  const sampler = setInterval(() => (peak = Math.max(peak, rssKb(program.pid))), 5);
  const began = performance.now();
  await new Promise<void>((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${program.port}${path}`, { perMessageDeflate: false });
    let seen = 0;
    socket.on('message', () => {
      seen += 1;
      if (seen === count) socket.close();
    });
    socket.on('error', reject);
    socket.on('close', () => (seen === count ? resolve() : reject(new Error(`${seen} of ${count} frames`))));
  });
  const ms = performance.now() - began;
  clearInterval(sampler);
  return { ms, cpu: cpuMs(program.pid) - cpuBefore, peak };
}

function storeFrames(file: string, frames: readonly string[]): void {
  const db = new Database(file);
  db.exec('CREATE TABLE frames(seq INTEGER PRIMARY KEY, body TEXT NOT NULL)');
  const insert = db.prepare('INSERT INTO frames(body) VALUES (?)');
  db.transaction(() => frames.forEach((frame) => insert.run(frame)))();
  db.close();
}
