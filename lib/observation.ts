import type { Config } from './config.ts';
import { unobserved, type Observer } from './core/observer.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import { packageVersion } from './package.ts';
import { unobservedTraffic, type TrafficObserver } from './server/traffic.ts';

/** Everything that watches a server: its metrics, where METRICS asks for them. */
export interface Observation {
  readonly tasks: Observer;
  readonly traffic: TrafficObserver;
  readonly metrics: Metrics | undefined;
  /** Receives the time of each transaction of the log, in ms. */
  readonly onCommit: ((ms: number) => void) | undefined;
}

/** Opens what watches a server. */
export function openObservation(config: Pick<Config, 'metrics'>): Observation {
  const metrics = config.metrics === 'off' ? undefined : createMetrics(packageVersion());
  return {
    tasks: metrics?.tasks ?? unobserved,
    traffic: metrics?.traffic ?? unobservedTraffic,
    metrics,
    onCommit: metrics?.onCommit,
  };
}
