import { setTimeout as delay } from 'node:timers/promises';
import { crashPoints } from './crash-points.ts';
import type { CrashPoint, CrashSignal } from './crash-points.ts';
import type { Cluster } from './crash-nodes.ts';
import { waitFor } from './wait-for.ts';

/** What is done to the nodes of a run. It ends by itself, or when `over` aborts. */
export type Chaos = (cluster: Cluster, random: () => number, over: AbortSignal) => Promise<void>;

/** How long a busy machine may take until a node comes to a point. */
const POINT_TIMEOUT_MS = 60_000;

/** One crash of a plan: a node dies or stalls when it comes to a point of its work. */
export interface PlannedCrash {
  point: CrashPoint;
  signal: CrashSignal;
}

/**
 * Crashes nodes at these points, one crash after the other. The next crash waits until a node has come to its point and
 * every node runs again. So the number of crashes is no matter of chance.
 */
export function crashAt(plan: readonly PlannedCrash[]): Chaos {
  return async (cluster) => {
    for (const { point, signal } of plan) {
      const before = cluster.points.get(point) ?? 0;
      await cluster.arm(point, signal);
      await waitFor(() => (cluster.points.get(point) ?? 0) > before, POINT_TIMEOUT_MS);
      await cluster.settled();
    }
  };
}

/** A kill at each of these points. */
export const killsAt = (points: readonly CrashPoint[]): PlannedCrash[] =>
  points.map((point) => ({ point, signal: 'SIGKILL' }));

/** Replaces each node once, gracefully, one after the other. */
export function rollingRestart(nodes: number): Chaos {
  return async (cluster) => {
    for (let node = 0; node < nodes; node += 1) await cluster.replace(node);
  };
}

/** The settings of a chaos that strikes at random. */
export interface RandomChaos {
  nodes: number;
  /** The longest pause between two blows. */
  pauseMs: number;
  /** How many of a hundred blows are stalls (SIGSTOP for longer than a lease) and not kills. */
  stallsPercent?: number;
  /** Breaks every connection to the database. It is called instead of every fourth blow. */
  cut?: () => Promise<void>;
}

/** How long a lease may still run out because a renewal was cut off. */
const AFTER_CUT_MS = 2000;

/** Kills and stalls nodes until the run is over: at each named point in turn, and anywhere. */
export function strikeAtRandom({ nodes, pauseMs, stallsPercent = 0, cut }: RandomChaos): Chaos {
  let next = 0;
  return async (cluster, random, over) => {
    for (let count = 0; !over.aborted; count += 1) {
      await pause(pauseMs * (0.5 + random() / 2), over);
      const node = Math.floor(random() * nodes);
      const stall = stallsPercent > 0 && (count === 0 || random() * 100 < stallsPercent);
      if (cut && count % 4 === 3) {
        const crash = { how: 'connections cut', from: Date.now(), to: Infinity };
        cluster.crashes.push(crash);
        await cut();
        crash.to = Date.now() + AFTER_CUT_MS;
      } else if (count % 3 > 0) {
        await cluster.arm(crashPoints[next % crashPoints.length]!, stall ? 'SIGSTOP' : 'SIGKILL');
        next += 1;
      } else if (stall) cluster.stall(node);
      else cluster.kill(node);
    }
  };
}

function pause(ms: number, over: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal: over }).catch(() => undefined);
}
