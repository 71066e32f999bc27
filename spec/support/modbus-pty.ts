import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from './wait-for.ts';

/** A serial line made of pseudo terminals by socat. */
export interface Pty {
  /** The end the driver opens. */
  readonly path: string;
  /** The device's end, where it is not a TCP port. */
  readonly other: string;
  /** Pulls the plug. */
  unplug(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a line whose other end is a TCP port of 127.0.0.1, or another pseudo terminal. */
export async function openPty(port?: number): Promise<Pty> {
  const folder = await mkdtemp(join(tmpdir(), 'modbus-'));
  const [path, other] = [join(folder, 'a'), join(folder, 'b')];
  const end = port === undefined ? `pty,rawer,link=${other}` : `tcp:127.0.0.1:${port},nodelay`;
  const socat = spawn('socat', [`pty,rawer,link=${path}`, end], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => socat.once('exit', () => resolve()));
  await waitFor(() => existsSync(path) && (port !== undefined || existsSync(other)));
  const unplug = async (): Promise<void> => {
    socat.kill();
    await ended;
  };
  return {
    path,
    other,
    unplug,
    async close() {
      await unplug();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
