import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What a proxy does with one request: nothing, or it breaks the connection before the request, in the middle of the first piece of the
 * answer, or after the whole answer.
 */
export type Drop = 'none' | 'request' | 'middle' | 'answer';

/** A proxy on the way to a server. */
export interface DroppingProxy {
  readonly url: string;
  /** How often it broke a connection. */
  readonly drops: number;
  close(): Promise<void>;
}

/** Drops of these kinds at random, the same for the same seed: so many of a hundred requests for each kind. */
export function randomDrops(
  seed: number,
  percent: number,
  kinds: readonly Drop[] = ['request', 'answer'],
): () => Drop {
  let state = seed;
  return () => {
    state = (state * 16_807) % 2_147_483_647; // MINSTD
    const value = (state / 2_147_483_647) * 100;
    return kinds[Math.floor(value / percent)] ?? 'none';
  };
}

/** Starts a proxy; `choose` decides about each request. An answer that is dropped was given by the server in full. */
export async function startDroppingProxy(target: string, choose: () => Drop): Promise<DroppingProxy> {
  let drops = 0;
  const server = createServer((incoming, outgoing) => {
    const drop = choose();
    if (drop !== 'none') drops += 1;
    if (drop === 'request') {
      incoming.socket.destroy();
      return;
    }
    const { method, url, headers } = incoming;
    const passed = forward(`${target}${url}`, { method, headers }, (answer) => {
      const chunks: Buffer[] = [];
      if (drop === 'middle') {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.once('data', (chunk: Buffer) => {
          outgoing.write(chunk.subarray(0, chunk.length / 2), () => incoming.socket.destroy());
        });
      }
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        if (drop === 'answer') incoming.socket.destroy();
        else if (drop === 'none')
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(Buffer.concat(chunks));
      });
    });
    passed.on('error', () => incoming.socket.destroy());
    outgoing.on('error', () => undefined); // it was cut
    incoming.pipe(passed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get drops() {
      return drops;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
