import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A line to a server that can be cut. */
export interface CutLine {
  readonly url: string;
  /** Breaks every connection, and takes no new ones. */
  cut(): void;
  /** Lets no byte through any more, and closes nothing: a network that is gone. */
  silence(): void;
  /** Takes connections again. Those that were silent stay so. */
  mend(): void;
  close(): Promise<void>;
}

/** Opens a line to an http server on loopback. */
export async function openCutLine(target: string): Promise<CutLine> {
  const port = Number(new URL(target).port);
  const open = new Set<Socket>();
  let isCut = false;
  let isSilent = false;
  const server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    if (isSilent) {
      open.add(client);
      client
        .pause()
        .on('error', () => {})
        .on('close', () => open.delete(client));
      return;
    }
    const upstream = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const breakAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      isCut = true;
      breakAll();
    },
    silence() {
      isSilent = true;
      for (const socket of open) socket.pause();
    },
    mend() {
      isCut = isSilent = false;
    },
    async close() {
      breakAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
