import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '../../../common/deadline.ts';
import { AppError, messageOf } from '../../../errors.ts';
import { listenTcp, type WireRequest } from './listen.ts';

/** A pseudo terminal that requests come in by, as from a serial line. */
interface PtyListener {
  /** The path that a document names as its serial device. */
  path: string;
  close(): Promise<void>;
}

/** How long socat may take to make its pseudo terminal. */
const START_TIMEOUT_MS = 5000;

/**
 * Listens for Modbus RTU or ASCII on a pseudo terminal made by socat, at `path` or at a place of its own. Rejects with an
 * AppError `unavailable` where socat is not installed or cannot make one.
 */
export async function listenPty(
  framing: 'rtu' | 'ascii',
  receive: (request: WireRequest) => void,
  path?: string,
): Promise<PtyListener> {
  const folder = await mkdtemp(join(tmpdir(), 'modbus-'));
  const link = path ?? join(folder, 'tty');
  // socat joins the terminal to a TCP port of our own, so that a serial line is read by the same code as RTU over TCP.
  const listener = await listenTcp('127.0.0.1', 0, framing, receive);
  const args = [`pty,rawer,link=${link}`, `tcp:127.0.0.1:${listener.port},nodelay`];
  const socat = spawn('socat', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let reason = '';
  socat.stderr.on('data', (chunk: Buffer) => (reason = chunk.toString().trim()));
  const ended = new Promise<void>((resolve) => socat.once('close', () => resolve()));
  const close = async (): Promise<void> => {
    socat.kill();
    await ended;
    await listener.close();
    await rm(folder, { recursive: true, force: true });
  };
  let failure: string | undefined;
  let missing: Error | undefined;
  socat.once('error', (error) => {
    missing = error;
    failure = `socat cannot be started (is it installed?): ${messageOf(error)}`;
  });
  void ended.then(() => (failure ??= `socat ended: ${reason}`));
  const end = performance.now() + START_TIMEOUT_MS;
  // The link may be there before socat has joined its end to the port.
  while (!existsSync(link) || listener.connections() === 0) {
    if (performance.now() > end) failure ??= `socat made no pseudo terminal within ${START_TIMEOUT_MS} ms`;
    if (failure !== undefined) {
      await close();
      throw new AppError('unavailable', failure, missing === undefined ? {} : { cause: missing });
    }
    await sleep(5);
  }
  return { path: link, close };
}
