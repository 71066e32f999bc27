import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Where a connection breaks by itself: after so many bytes on their way to one side. */
export interface Cut {
  towards: 'server' | 'client';
  afterBytes: number;
}

/** A line to a server that can be cut. */
export interface CutLine {
  readonly url: string;
  /** How many connections broke by themselves. */
  readonly breaks: number;
  /** Breaks every connection, and takes no new ones. */
  cut(): void;
  /** Lets no byte through any more, and closes nothing: a network that is gone. */
  silence(): void;
  /** Takes connections again. Those that were silent stay so. */
  mend(): void;
  close(): Promise<void>;
}

/** The shortest and the longest way of a connection before it breaks: within a small answer, or after many. */
const CUT_BYTES = { least: 100, most: 60_000 };

/** The first connection breaks within so many bytes, so that one breaks where little is said, too. */
const FIRST_MOST_BYTES = 1000;

/** Breaks each connection at random, as often within the first hundred bytes as within the last twenty thousand. */
export function randomCuts(random: () => number): () => Cut {
  const { least } = CUT_BYTES;
  let most = FIRST_MOST_BYTES;
  return () => {
    const towards = random() < 0.3 ? 'server' : 'client';
    const afterBytes = Math.round(least * (most / least) ** random());
    ({ most } = CUT_BYTES);
    return { towards, afterBytes };
  };
}

/** Opens a line to an http server on loopback; `nextCut` says where each connection breaks. */
export async function openCutLine(
  target: string,
  nextCut: () => Cut | undefined = () => undefined,
): Promise<CutLine> {
  const port = Number(new URL(target).port);
  const open = new Set<Socket>();
  let breaks = 0;
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
    const cut = nextCut();
    for (const [one, other, towards] of [
      [client, upstream, 'server'],
      [upstream, client, 'client'],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      if (cut?.towards === towards)
        passBytes(one, other, cut.afterBytes, () => {
          breaks += 1;
          other.destroy();
        });
      else one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const breakAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get breaks() {
      return breaks;
    },
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

/** Passes so many bytes on, and breaks the connection then. */
function passBytes(from: Socket, to: Socket, count: number, breakOff: () => void): void {
  let left = count;
  from.on('data', (chunk: Buffer) => {
    if (left === 0) return;
    const passed = chunk.subarray(0, left);
    left -= passed.length;
    to.write(passed, () => left === 0 && breakOff());
  });
}
