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
  'libmodbus and cc': ['sh', ['-c', 'command -v cc && test -f /usr/include/modbus/modbus.h']],
} as const;

/** Whether programs can be compiled against libmodbus. */
export function libmodbusIsThere(): boolean {
  return isThere('libmodbus and cc');
}

function isThere(name: keyof typeof peers): boolean {
  const [command, args] = peers[name];
  return spawnSync(command, [...args], { stdio: 'ignore' }).status === 0;
}

/**
 * Skips the running test or suite where a peer is missing, saying which. On Linux with CI set it fails instead: there the
 * peers are installed, and a suite that skips them shows nothing.
 */
export function needPeer(context: Context, name: keyof typeof peers): void {
  if (isThere(name)) return;
  const reason = `${name} is not installed (Debian: python3-pymodbus, python3-serial-asyncio, libmodbus-dev, mbpoll, socat)`;
  if (process.env['CI'] !== undefined && process.platform === 'linux') throw new Error(reason);
  if (context.test !== undefined) context.test.title += ` (${reason})`;
  context.skip();
}
