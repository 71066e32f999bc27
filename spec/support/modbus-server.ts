import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A Modbus server of others, in a process of its own. */
export interface PeerServer {
  /** Its TCP or UDP port; NaN on a serial line. */
  readonly port: number;
  close(): Promise<void>;
}

/** Starts the pymodbus server; `path` is its end of a serial line. */
export function startPymodbus(
  type: 'tcp' | 'udp' | 'rtu-tcp' | 'rtu' | 'ascii',
  path?: string,
): Promise<PeerServer> {
  const script = fileURLToPath(new URL('modbus-pymodbus-server.py', import.meta.url));
  return start('/usr/bin/python3', [script, type, ...(path === undefined ? [] : [path])]);
}

/** Compiles a C source beside this file against libmodbus; the program goes with `remove`. */
export async function compileLibmodbus(
  source: string,
): Promise<{ program: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'modbus-'));
  const program = join(folder, 'program');
  const file = fileURLToPath(new URL(source, import.meta.url));
  execFileSync('cc', ['-O2', '-I/usr/include/modbus', '-o', program, file, '-lmodbus']);
  return { program, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Starts a program that prints its port, or "ready", once it serves. */
export async function start(command: string, args: string[]): Promise<PeerServer> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const first = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once('line', resolve);
    child
      .once('error', reject)
      .once('exit', (code) => reject(new Error(`ended with ${code}: ${complaints}`)));
  });
  return {
    port: Number(first),
    async close() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
