import type { Config } from './config.ts';
import { unobserved, type ObservedStep, type Observer, type TaskObserver } from './core/observer.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import { packageVersion } from './package.ts';
import { unobservedTraffic, type TrafficObserver } from './server/traffic.ts';

/** Everything that watches a server: its metrics and traces, where the settings ask for them. */
export interface Observation {
  readonly tasks: Observer;
  readonly traffic: TrafficObserver;
  readonly metrics: Metrics | undefined;
  /** Receives the time of each transaction of the log, in ms. */
  readonly onCommit: ((ms: number) => void) | undefined;
  /** Headers for each request that leaves the server. */
  readonly outgoing: (() => Record<string, string>) | undefined;
  /** Sends the last spans. */
  close(): Promise<void>;
}

/** Opens what watches a server. Rejects with `invalid_request` when it needs packages that are not installed. */
export async function openObservation({
  metrics: readers,
  traces,
}: Pick<Config, 'metrics' | 'traces'>): Promise<Observation> {
  const version = packageVersion();
  const metrics = readers === 'off' ? undefined : createMetrics(version);
  const tracing =
    // Loaded only where it is asked for: the packages of OpenTelemetry are optional.
    traces && (await (await import('./tracing/tracing.ts')).openTracing({ ...traces, version }));
  const watching = [metrics, tracing].flatMap((one) => one ?? []);
  return {
    tasks: watching.map(({ tasks }) => tasks).reduce(joinObservers, unobserved),
    traffic: watching.map(({ traffic }) => traffic).reduce(joinTraffic, unobservedTraffic),
    metrics,
    onCommit: metrics?.onCommit,
    outgoing: tracing?.outgoing,
    close: async () => tracing?.close(),
  };
}

/** Both observe; `unobserved` adds nothing. */
function joinObservers(first: Observer, second: Observer): Observer {
  if (first === unobserved) return second;
  return {
    task(task) {
      const [one, other] = [first.task(task), second.task(task)];
      return {
        began() {
          one.began();
          other.began();
        },
        model: () => joinSteps(one.model(), other.model()),
        call: (call) => joinSteps(one.call(call), other.call(call)),
        send: (call) => joinSteps(one.send(call), other.send(call)),
        question: (kind) => joinSteps(one.question(kind), other.question(kind)),
        ended(end) {
          one.ended(end);
          other.ended(end);
        },
      } satisfies TaskObserver;
    },
  };
}

/** The work runs within both steps, each with its own context. */
function joinSteps<Value>(one: ObservedStep<Value>, other: ObservedStep<Value>): ObservedStep<Value> {
  return {
    within: (work) => one.within(() => other.within(work)),
    done(value) {
      one.done(value);
      other.done(value);
    },
    failed(error) {
      one.failed(error);
      other.failed(error);
    },
  };
}

/** As `joinObservers`, for requests and sockets. */
function joinTraffic(first: TrafficObserver, second: TrafficObserver): TrafficObserver {
  if (first === unobservedTraffic) return second;
  return {
    request(request) {
      const [one, other] = [first.request(request), second.request(request)];
      return {
        within: (work) => one.within(() => other.within(work)),
        answered(answered) {
          one.answered(answered);
          other.answered(answered);
        },
      };
    },
    // Metrics have no context for a socket, so that there is one at most.
    socket: (request) => first.socket(request) ?? second.socket(request),
    countSockets(count) {
      first.countSockets(count);
      second.countSockets(count);
    },
  };
}
