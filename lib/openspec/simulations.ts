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
  close(): Promise<void>;
}

const RUNNING_MAX_COUNT = 16;

/** Opens the place where simulated devices run. */
export function openSimulations(kinds: readonly KindDefinition[]): Simulations {
  const running = new Map<string, Promise<Simulation>>();

  async function begin(source: string): Promise<Simulation> {
    const { document } = await parseText(source);
    return simulateDocument(kinds, document, { drift: true });
  }

  return {
    async start(source) {
      const key = createHash('sha256').update(source).digest('base64');
      if (!running.has(key) && running.size >= RUNNING_MAX_COUNT)
        throw new AppError(
          'too_many_requests',
          `${RUNNING_MAX_COUNT} simulated devices run already: start the server again to end them.`,
        );
      const starting = running.get(key) ?? begin(source);
      running.set(key, starting);
      starting.catch(() => running.delete(key));
      const { kind, title, device } = await starting;
      return { kind, title, server: device.server };
    },
    async close() {
      const all = await Promise.allSettled(running.values());
      await Promise.all(all.flatMap((one) => (one.status === 'fulfilled' ? one.value.device.close() : [])));
      running.clear();
    },
  };
}
