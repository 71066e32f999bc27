import { createConnection } from 'node:net';
import type { Egress } from './egress.ts';

/**
 * Connects to the address of a device and hangs up; no byte is sent. The address is a URL or `host:port`, as tools name their devices.
 * Resolves with false for a device without a network address, such as a serial port. Rejects with the reason when it cannot.
 */
export async function connectAndLeave(
  egress: Egress,
  address: string,
  signal: AbortSignal,
): Promise<boolean> {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `tcp://${address}`;
  if (address.startsWith('/') || !URL.canParse(text)) return false;
  const { protocol, hostname, port: written } = new URL(text);
  const port = Number(written) || { 'http:': 80, 'https:': 443 }[protocol];
  if (hostname === '' || port === undefined) return false;
  const { address: host, family } = await egress.resolve(hostname, port);
  await new Promise<void>((resolve, reject) => {
    const socket = createConnection({ host, port, family, signal }, () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
  return true;
}
