import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bundleOf } from './bundle.ts';
import type { NodeNews, NodeStart } from './crash-node.ts';
import type { CrashPoint, CrashSignal } from './crash-points.ts';

const START_TIMEOUT_MS = 30_000;

/** Something that was done to a node; `from` and `to` in ms since the epoch (a stall lasts). */
export interface Crash {
  how: string;
  from: number;
  to: number;
}

export interface ClusterOptions {
  count: number;
  settings: Record<string, string>;
  leaseMs: number;
  journal: boolean;
  /** How long a stalled node says nothing. */
  stallMs: number;
}

/** Nodes as real processes. One that dies is started again in its place at once. */
export interface Cluster {
  /** Where those listen that have not died; one that is stalled is among them. */
  readonly urls: string[];
  readonly crashes: Crash[];
  /** How often each point was reached by a node that was told to die there. */
  readonly points: Map<CrashPoint, number>;
  /** How many were replaced gracefully. */
  readonly replaced: number;
  /** What ended otherwise than it was told to. */
  readonly faults: string[];
  kill(place: number): void;
  stall(place: number): void;
  /** The node that next comes to this point dies, or stalls. Which one that is shows only then: one may own every session. */
  arm(point: CrashPoint, signal: CrashSignal): Promise<void>;
  /** SIGTERM, and another in its place as soon as it has ended; resolves then. */
  replace(place: number): Promise<void>;
  /** Resolves when every place has a node that listens and runs. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

interface Place {
  child: ChildProcess | undefined;
  url: string | undefined;
  stalled: Promise<void> | undefined;
}

export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const { count, settings, leaseMs, journal, stallMs } = options;
  const places: Place[] = Array.from({ length: count }, () => ({
    child: undefined,
    url: undefined,
    stalled: undefined,
  }));
  const crashes: Crash[] = [];
  const points = new Map<CrashPoint, number>();
  const faults: string[] = [];
  /** A file for each point at which a node is to crash, with the signal: the node that removes it is the one. */
  const orders = await mkdtemp(join(tmpdir(), 'lite-agent-crash-orders-'));
  let replaced = 0;
  let closing = false;
  /** One that has loaded its modules already, so that a place is not empty for long. */
  let spare = load();

  function load(): { child: ChildProcess; loaded: Promise<unknown> } {
    const child = fork(bundleOf('spec/support/crash-node.ts'), [], {
      execArgv: [], // without the TypeScript loader of the tests: with it a node takes six times as long to start
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const loaded = once(child, 'message');
    loaded.catch(() => undefined); // whoever waits for it hears of it
    return { child, loaded };
  }

  async function fill(place: Place): Promise<void> {
    const { child, loaded } = spare;
    spare = load();
    place.child = child;
    let listened = false;
    child.once('exit', (code, signal) => {
      place.url = undefined;
      place.child = undefined;
      if (closing || code === 0) return;
      // One that cannot reach its database at the start says so and ends: whoever runs it starts it again.
      if (signal === 'SIGKILL' || (code === 1 && !listened)) void fill(place);
      else faults.push(`a node ended with ${code ?? signal}`);
    });
    child.on('message', (told: NodeNews) => {
      if (told.type === 'listening') {
        listened = true;
        place.url = told.url;
      }
      if (told.type !== 'reached') return;
      points.set(told.point, (points.get(told.point) ?? 0) + 1);
      if (told.signal === 'SIGSTOP') hold(place, told.point);
      else {
        place.url = undefined; // it dies with this message
        crashes.push({ how: `killed ${told.point}`, from: Date.now(), to: Date.now() });
      }
    });
    await loaded;
    send(child, { settings, leaseMs, journal, orders });
  }

  /** Lets a stopped node go on after a while. */
  function hold(place: Place, how: string): void {
    const { child } = place;
    const crash = { how: `stalled ${how}`, from: Date.now(), to: Infinity };
    crashes.push(crash);
    place.stalled = delay(stallMs).then(() => {
      child?.kill('SIGCONT');
      crash.to = Date.now();
      place.stalled = undefined;
    });
  }

  const cluster: Cluster = {
    get urls() {
      return places.flatMap(({ url }) => url ?? []);
    },
    crashes,
    points,
    get replaced() {
      return replaced;
    },
    faults,
    kill(at) {
      const { child } = places[at]!;
      if (!child) return;
      crashes.push({ how: 'killed', from: Date.now(), to: Date.now() });
      child.kill('SIGKILL');
    },
    stall(at) {
      const place = places[at]!;
      if (!place.child || place.stalled) return;
      place.child.kill('SIGSTOP');
      hold(place, 'anywhere');
    },
    arm: (point, signal) => writeFile(join(orders, point), signal),
    async replace(at) {
      const place = places[at]!;
      const { child } = place;
      if (!child) return;
      const exited = once(child, 'exit');
      place.url = undefined;
      child.kill('SIGTERM');
      const [code] = (await exited) as [number | null];
      if (code !== 0) faults.push(`a node that was told to end gracefully ended with ${code}`);
      replaced += 1;
      await fill(place);
      await cluster.settled();
    },
    async settled() {
      for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end; await delay(20))
        if (places.every(({ url, stalled }) => url !== undefined && !stalled)) return;
      throw new Error('not every node came back');
    },
    async close() {
      closing = true;
      const children = [spare.child, ...places.flatMap(({ child }) => child ?? [])];
      await Promise.all(
        children.map((child) => {
          const exited = once(child, 'exit');
          child.kill('SIGKILL');
          return exited;
        }),
      );
      await rm(orders, { recursive: true });
    },
  };
  await Promise.all(places.map(fill));
  await cluster.settled();
  return cluster;
}

function send(child: ChildProcess, start: NodeStart): void {
  child.send(start, () => undefined); // one that died meanwhile hears nothing
}
