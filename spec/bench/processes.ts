import { execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { freePort } from '../support/free-port.ts';

/** A program under measurement, on a core of its own where there are two. */
export interface Program {
  readonly pid: number;
  /** When it was started, as `performance.now()` tells. */
  readonly startedAt: number;
  readonly port: number;
  stop(): Promise<void>;
}

const TICK_MS = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const PAGE_KB = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' })) / 1024;
const CORES =
  spawnSync('taskset', ['-c', '1', 'true']).status === 0 ? { server: '0', driver: '1' } : undefined;

/** Moves this process, which drives the load, away from the core of what is measured. */
export function pinDriver(): void {
  if (CORES) execFileSync('taskset', ['-a', '-cp', CORES.driver, String(process.pid)], { stdio: 'ignore' });
}

/** Starts a Node program that listens on the PORT it is given, and waits until it does. */
export async function launch(
  args: string[],
  env: NodeJS.ProcessEnv,
  core: 'server' | 'driver',
): Promise<Program> {
  const port = await freePort();
  const command = CORES ? ['taskset', '-c', CORES[core], process.execPath] : [process.execPath];
  const startedAt = performance.now();
  const child = spawn(command[0]!, [...command.slice(1), ...args], {
    env: { ...process.env, ...env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await untilListening(port, child);
  return {
    pid: child.pid!,
    startedAt,
    port,
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}

/** User and system time that a process has used, in ms. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Memory that a process holds, in KB. */
export function rssKb(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_KB;
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  for (const end = performance.now() + 30_000; performance.now() < end;) {
    if (child.exitCode !== null) throw new Error(`the program ended with ${child.exitCode}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`nothing listens on port ${port}`);
}
