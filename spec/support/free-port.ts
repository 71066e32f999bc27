import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A port of loopback on which nothing listens; somebody else may take it before it is used. */
export function freePort(): Promise<number> {
  return listenOnce(0);
}

/**
 * A port of loopback on which nothing listens, nor on the next one. Both lie below the ports that the system gives to others by itself.
 */
export async function freePortPair(): Promise<number> {
  for (;;) {
    const port = 20_000 + 2 * Math.floor(Math.random() * 5000);
    try {
      await listenOnce(port);
      await listenOnce(port + 1);
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
}

async function listenOnce(wanted: number): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(wanted, '127.0.0.1', resolve);
  });
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
