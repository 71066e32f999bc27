import { spawnSync } from 'node:child_process';
import type { Context } from 'mocha';

/** Programs and libraries of others that specs drive, and how to see that one is there. */
const peers = {
  mbpoll: ['mbpoll', ['-h']],
  socat: ['socat', ['-V']],
  pymodbus: [
    '/usr/bin/python3',
    ['-c', 'import serial_asyncio; from pymodbus.server.async_io import ModbusUdpServer'],
  ],
  'libmodbus and cc': ['pkg-config', ['--exists', 'libmodbus']],
} as const;

/**
 * Skips the running test or suite where a peer is missing, saying which. On Linux with CI set it fails instead: there the
 * peers are installed, and a suite that skips them shows nothing.
 */
export function needPeer(context: Context, name: keyof typeof peers): void {
  const [command, args] = peers[name];
  if (spawnSync(command, [...args], { stdio: 'ignore' }).status === 0) return;
  const reason = `${name} is not installed (Debian: python3-pymodbus, python3-serial-asyncio, libmodbus-dev, mbpoll, socat)`;
  if (process.env['CI'] !== undefined && process.platform === 'linux') throw new Error(reason);
  if (context.test !== undefined) context.test.title += ` (${reason})`;
  context.skip();
}
