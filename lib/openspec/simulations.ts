import { createHash } from 'node:crypto';
import { AppError } from '../errors.ts';
import type { Simulation } from '../simulate/simulation.ts';
import type { KindDefinition } from './kind.ts';
import { parseText } from './parse.ts';
import { simulateDocument } from './simulate-document.ts';

/** A simulated device that runs in this process, on loopback. */
export interface RunningSimulation {
  kind: string;
  title: string;
  /** The address, as the `server` of an openSpecList entry takes it. */
  server: string;
}

/** Simulated devices for people who try a document out. No hardware moves. */
export interface Simulations {
  /**
   * Starts the device of a document, given as text; the same document is the same device. Rejects with a SpecError for a
   * document that cannot be used, and with `too_many_requests` when too many run.
   */
  start(source: string): Promise<RunningSimulation>;
  /**
   * Starts the devices again that ran before, at their addresses: registered devices and sessions name them. Never rejects; a device
   * that cannot come back is reported to `onError`.
   */
  resume(): Promise<void>;
  close(): Promise<void>;
}

/** A simulated device that comes back after a restart. */
export interface KeptSimulation {
  key: string;
  /** The text of its document. */
  source: string;
  port: number;
}

/** Where simulated devices are kept over a restart. */
export interface KeptSimulations {
  list(): Promise<KeptSimulation[]>;
  keep(simulation: KeptSimulation): Promise<void>;
}

const RUNNING_MAX_COUNT = 16;

/** Opens the place where simulated devices run. */
export function openSimulations(
  kinds: readonly KindDefinition[],
  kept: KeptSimulations,
  onError: (error: unknown) => void,
): Simulations {
  const running = new Map<string, Promise<Simulation>>();

  async function begin(source: string, port?: number): Promise<Simulation> {
    const { document } = await parseText(source);
    return simulateDocument(kinds, document, { drift: true, ...(port !== undefined && { port }) });
  }
  function run(key: string, source: string, port?: number): Promise<Simulation> {
    const starting = running.get(key) ?? begin(source, port);
    running.set(key, starting);
    starting.catch(() => running.delete(key));
    return starting;
  }

  return {
    async start(source) {
      const key = createHash('sha256').update(source).digest('base64');
      if (!running.has(key) && running.size >= RUNNING_MAX_COUNT)
        throw new AppError(
          'too_many_requests',
          `${RUNNING_MAX_COUNT} simulated devices run already. Each is forgotten 30 days after somebody asked for it: use one of them, or \`lite-agent simulate\`.`,
        );
      const { kind, title, device } = await run(key, source);
      await kept.keep({ key, source, port: portOf(device.server) });
      return { kind, title, server: device.server };
    },
    async resume() {
      const back = async ({ key, source, port }: KeptSimulation): Promise<void> => {
        await run(key, source, port).catch(onError); // another program may have the port
      };
      const all = await kept.list().catch((error: unknown) => {
        onError(error);
        return [];
      });
      await Promise.all(all.slice(0, RUNNING_MAX_COUNT).map(back));
    },
    async close() {
      const all = await Promise.allSettled(running.values());
      await Promise.all(all.flatMap((one) => (one.status === 'fulfilled' ? one.value.device.close() : [])));
      running.clear();
    },
  };
}

/** The port in an address of the simulator: `127.0.0.1:1502`, or a URL. */
function portOf(server: string): number {
  return Number(/:(\d+)(?:[/?#]|$)/.exec(server)?.[1]);
}
