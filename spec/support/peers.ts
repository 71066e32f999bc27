import { spawnSync } from 'node:child_process';
import type { Context } from 'mocha';

/** Programs and libraries of others that specs drive: a command that succeeds where one is there, and its Debian packages. */
const peers = {
  mbpoll: { probe: ['mbpoll', '-h'], packages: 'mbpoll' },
  socat: { probe: ['socat', '-V'], packages: 'socat' },
  pymodbus: {
    probe: [
      '/usr/bin/python3',
      '-c',
      'import serial_asyncio; from pymodbus.server.async_io import ModbusUdpServer',
    ],
    packages: 'python3-pymodbus python3-serial-asyncio',
  },
  'libmodbus and cc': {
    probe: ['sh', '-c', 'command -v cc && test -f /usr/include/modbus/modbus.h'],
    packages: 'libmodbus-dev gcc libc6-dev',
  },
  botocore: { probe: ['/usr/bin/python3', '-c', 'import botocore'], packages: 'python3-botocore' },
  chromium: { probe: ['/usr/bin/chromium', '--version'], packages: 'chromium' },
  script: { probe: ['script', '--version'], packages: 'bsdutils' },
  nginx: { probe: ['nginx', '-v'], packages: 'nginx-light' },
  prometheus: { probe: ['promtool', '--version'], packages: 'prometheus' },
  zsh: { probe: ['zsh', '--version'], packages: 'zsh' },
  fish: { probe: ['fish', '--version'], packages: 'fish' },
  curl: { probe: ['curl', '--version'], packages: 'curl' },
} as const;

/** The name of a program or library of others. */
export type Peer = keyof typeof peers;

/** Whether a peer is installed. */
export function hasPeer(name: Peer): boolean {
  const [command, ...args] = peers[name].probe;
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/**
 * Skips the running test or suite where a peer is missing, with the reason in its title. On Linux with `CI` set it fails
 * instead: the peers are installed there, and a run that skips them shows nothing.
 */
export function needPeer(context: Context, name: Peer): void {
  if (hasPeer(name)) return;
  const reason = `${name} is not installed (Debian: ${peers[name].packages})`;
  if (process.env['CI'] !== undefined && process.platform === 'linux') throw new Error(reason);
  if (context.test !== undefined) context.test.title += ` (${reason})`;
  context.skip();
}
