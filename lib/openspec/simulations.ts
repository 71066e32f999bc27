import { createHash } from 'node:crypto';
import { systemClock, type Clock } from '../common/clock.ts';
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

/** The addresses that must stay where they are: those of registered devices. */
export interface NeededAddresses {
  addresses(): Promise<readonly string[]>;
}

/**
 * Simulated devices for people who try a document out. No hardware moves. There are 16 places. When all are taken, the device that
 * was not used for longest loses its place, if that is an hour or more and no registered device is at its address.
 */
export interface Simulations {
  /**
   * Starts the device of a document, given as text; the same document is the same device. Rejects with a SpecError for a
   * document that cannot be used, and with `too_many_requests` when no place is free.
   */
  start(source: string, needed: NeededAddresses): Promise<RunningSimulation>;
  /**
   * Starts the devices again that ran before, at their addresses: registered devices and sessions name them. One that nobody has asked
   * for in 30 days is forgotten, unless it is needed. Never rejects; a device that cannot come back is reported to `onError`.
   */
  resume(needed: NeededAddresses): Promise<void>;
  close(): Promise<void>;
}

/** A simulated device that comes back after a restart. */
export interface KeptSimulation {
  key: string;
  /** The text of its document. */
  source: string;
  port: number;
  /** When somebody asked for it last, in ms since the epoch. */
  askedAt: number;
}

/** Where simulated devices are kept over a restart. */
export interface KeptSimulations {
  /** All of them, the one that was asked for last first. */
  list(): Promise<KeptSimulation[]>;
  keep(simulation: KeptSimulation): Promise<void>;
  forget(key: string): Promise<void>;
}

/** What simulated devices are opened with. */
export interface SimulationsOptions {
  kinds: readonly KindDefinition[];
  kept: KeptSimulations;
  onError: (error: unknown) => void;
  clock?: Clock;
}

const PLACES_COUNT = 16;
/** A device that nobody has used for so long may lose its place. */
const UNUSED_MS = 3_600_000;
/** A device that nobody has asked for in so long does not come back. */
const KEPT_MS = 30 * 86_400_000;

/** Opens the place where simulated devices run. */
export function openSimulations(options: SimulationsOptions): Simulations {
  return new SimulationPlaces(options);
}

class SimulationPlaces implements Simulations {
  readonly #options: SimulationsOptions;
  readonly #clock: Clock;
  readonly #running = new Map<string, Promise<Simulation>>();

  constructor(options: SimulationsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async start(source: string, needed: NeededAddresses): Promise<RunningSimulation> {
    // The text is the key: a document that differs in a blank is another device.
    const key = createHash('sha256').update(source).digest('base64');
    if (!this.#running.has(key) && this.#running.size >= PLACES_COUNT) await this.#freePlace(needed);
    const { kind, title, device } = await this.#run(key, source);
    const askedAt = this.#clock.now();
    await this.#options.kept.keep({ key, source, port: portOf(device.server), askedAt });
    return { kind, title, server: device.server };
  }

  async resume(needed: NeededAddresses): Promise<void> {
    const { kept, onError } = this.#options;
    try {
      const ports = await portsIn(needed);
      const oldest = this.#clock.now() - KEPT_MS;
      const isKept = ({ askedAt, port }: KeptSimulation): boolean => askedAt >= oldest || ports.has(port);
      const all = await kept.list();
      for (const { key } of all.filter((one) => !isKept(one))) await kept.forget(key);
      // The needed ones first: there may be more than places.
      const first = all
        .filter(isKept)
        .toSorted((a, b) => Number(ports.has(b.port)) - Number(ports.has(a.port)));
      await Promise.all(
        first.slice(0, PLACES_COUNT).map(
          ({ key, source, port }) => this.#run(key, source, port).catch(onError), // another program may have the port
        ),
      );
    } catch (error) {
      onError(error);
    }
  }

  async close(): Promise<void> {
    const all = await Promise.allSettled(this.#running.values());
    await Promise.all(all.flatMap((one) => (one.status === 'fulfilled' ? one.value.device.close() : [])));
    this.#running.clear();
  }

  /** The device of a document, also while it starts. One that cannot start is forgotten, so that the next request tries again. */
  #run(key: string, source: string, port?: number): Promise<Simulation> {
    const starting = this.#running.get(key) ?? this.#begin(source, port);
    this.#running.set(key, starting);
    starting.catch(() => this.#running.delete(key));
    return starting;
  }

  async #begin(source: string, port?: number): Promise<Simulation> {
    const { document } = await parseText(source);
    const options = { drift: true, ...(port !== undefined && { port }) };
    return simulateDocument(this.#options.kinds, document, options);
  }

  /** Ends the device that was not used for longest. Rejects with `too_many_requests` when each is used or needed. */
  async #freePlace(needed: NeededAddresses): Promise<void> {
    const ports = await portsIn(needed);
    const running = await Promise.all(
      [...this.#running].map(async ([key, starting]) => ({ key, device: (await starting).device })),
    );
    const [longest] = running
      .filter(({ device }) => !ports.has(portOf(device.server)))
      .toSorted((a, b) => a.device.usedAt() - b.device.usedAt());
    if (longest === undefined || longest.device.usedAt() > this.#clock.now() - UNUSED_MS)
      throw new AppError(
        'too_many_requests',
        `${PLACES_COUNT} simulated devices run already. Each was used in the last hour, or is registered: use one of them, remove a registered one, or use \`lite-agent simulate\`.`,
      );
    this.#running.delete(longest.key);
    await longest.device.close();
    await this.#options.kept.forget(longest.key);
  }
}

/** The ports of the addresses that must stay. */
async function portsIn(needed: NeededAddresses): Promise<ReadonlySet<number>> {
  return new Set((await needed.addresses()).map(portOf));
}

/** The port in an address of the simulator: `127.0.0.1:1502`, or a URL. NaN without one. */
function portOf(server: string): number {
  return Number(/:(\d+)(?:[/?#]|$)/.exec(server)?.[1]);
}
