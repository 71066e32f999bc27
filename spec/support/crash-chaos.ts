import { setTimeout as delay } from 'node:timers/promises';
import { crashPoints } from './crash-points.ts';
import type { CrashPoint } from './crash-points.ts';
import type { Cluster } from './crash-nodes.ts';

/** What is done to nodes, until `over`. */
export type Chaos = (cluster: Cluster, random: () => number, over: AbortSignal) => Promise<void>;

export interface ChaosOptions {
  nodes: number;
  /** Between two blows, at most. */
  pauseMs: number;
  /** How many of a hundred blows are stalls (SIGSTOP for longer than a lease) and no kills. */
  stallsPercent?: number;
  /** The points taken in turn; every third blow falls anywhere, unless only some points are given. */
  points?: readonly CrashPoint[];
  /** Breaks every connection to the database; called instead of every fourth blow. */
  cut?: () => Promise<void>;
}

/** So long a lease may run out because it could not be prolonged just then. */
const AFTER_CUT_MS = 2000;

/** Kills and stalls nodes: at each named point in turn, and anywhere. */
export function chaosOf({ nodes, pauseMs, stallsPercent = 0, points, cut }: ChaosOptions): Chaos {
  const places = points ?? crashPoints;
  let next = 0;
  return async (cluster, random, over) => {
    for (let count = 0; !over.aborted; count += 1) {
      await pause(pauseMs * (0.5 + random() / 2), over);
      const place = Math.floor(random() * nodes);
      const stall = random() * 100 < (count === 0 ? stallsPercent * 100 : stallsPercent); // one at least, where there are any
      if (cut && count % 4 === 3) {
        const crash = { how: 'connections cut', from: Date.now(), to: Infinity };
        cluster.crashes.push(crash);
        await cut();
        crash.to = Date.now() + AFTER_CUT_MS;
      } else if (points || count % 3 > 0) {
        cluster.arm(place, places[next % places.length]!, stall ? 'SIGSTOP' : 'SIGKILL');
        next += 1;
      } else if (stall) cluster.stall(place);
      else cluster.kill(place);
    }
  };
}

/** Replaces one node after the other, gracefully, again and again. */
export function rollingRestart(nodes: number, pauseMs: number): Chaos {
  return async (cluster, _random, over) => {
    for (let count = 0; !over.aborted; count += 1) {
      await pause(pauseMs, over);
      if (!over.aborted) await cluster.replace(count % nodes);
    }
  };
}

function pause(ms: number, over: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal: over }).catch(() => undefined);
}
