import GaugeOf from 'prom-client/lib/gauge.js';
import HistogramOf from 'prom-client/lib/histogram.js';
import RegistryOf from 'prom-client/lib/registry.js';
import type { Registry } from 'prom-client';
import type { Observer } from '../core/observer.ts';
import type { TrafficObserver } from '../server/traffic.ts';
import { createTaskMetrics } from './task-metrics.ts';
import { createTrafficMetrics } from './traffic-metrics.ts';

/** The bounds of the histogram, in seconds. */
const COMMIT_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

/** The metrics of this node, in the text format of Prometheus. They count from the start of the process. */
export interface Metrics {
  readonly tasks: Observer;
  readonly traffic: TrafficObserver;
  /** A transaction of the log was committed, or failed, after so many ms. */
  onCommit(ms: number): void;
  readonly contentType: string;
  /** All metrics; the first read begins to measure the event loop and the process. */
  text(): Promise<string>;
}

/** The metrics of one server. */
export function createMetrics(version: string): Metrics {
  const registry = new RegistryOf();
  const registers = [registry];
  const commits = new HistogramOf({
    name: 'lite_agent_store_commit_seconds',
    help: 'The time of a transaction of the log: one for all writes of a turn of the event loop.',
    buckets: COMMIT_SECONDS,
    registers,
  });
  new GaugeOf({
    name: 'lite_agent_version',
    help: 'The version of the server, as a label.',
    labelNames: ['version'],
    registers,
  }).set({ version }, 1);
  let defaults: Promise<void> | undefined;
  return {
    tasks: createTaskMetrics(registry),
    traffic: createTrafficMetrics(registry),
    onCommit: (ms) => commits.observe(ms / 1000),
    contentType: registry.contentType,
    async text() {
      await (defaults ??= collectDefaults(registry));
      return registry.metrics();
    },
  };
}

/** The metrics of Node and the process, under the names that dashboards for Node know. They take long to load, and few read them. */
async function collectDefaults(register: Registry): Promise<void> {
  const { default: collect } = await import('prom-client/lib/defaultMetrics.js');
  collect({ register });
}
