import { AsyncLocalStorage } from 'node:async_hooks';
import type { Context } from '@opentelemetry/api';
import { withDeadline } from '../common/deadline.ts';
import type { Observer } from '../core/observer.ts';
import type { TrafficObserver } from '../server/traffic.ts';
import { loadOpentelemetry } from './load-opentelemetry.ts';
import { Spans } from './spans.ts';
import { createTaskSpans } from './task-spans.ts';
import { formatTraceparent } from './traceparent.ts';
import { createTrafficSpans } from './traffic-spans.ts';

/** Where the spans go. */
export interface TracingOptions {
  /** The base URL of a collector for OTLP over HTTP: `/v1/traces` is added. */
  url: string;
  /** Headers for the collector. They may hold secrets. */
  headers: Record<string, string>;
  serviceName: string;
  version: string;
}

/** The traces of one server. */
export interface Tracing {
  readonly tasks: Observer;
  readonly traffic: TrafficObserver;
  /** The headers for a request that leaves the server now. */
  outgoing(): Record<string, string>;
  /** Sends the spans that have ended, for a while. */
  close(): Promise<void>;
}

const CLOSE_TIMEOUT_MS = 2000;

/**
 * Opens the traces of a server. A span that cannot be delivered is dropped. Rejects with `invalid_request` when the packages of
 * OpenTelemetry are not installed.
 *
 * Nothing is registered as global: one process may have several servers, and the packages of others stay as they are.
 */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  const { url, headers, serviceName, version } = options;
  const { api, resources, sdk, exporter } = await loadOpentelemetry();
  const traces = new exporter.OTLPTraceExporter({ url: `${url}/v1/traces`, headers });
  const provider = new sdk.NodeTracerProvider({
    resource: resources.resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    spanProcessors: [new sdk.BatchSpanProcessor(traces, { exportTimeoutMillis: CLOSE_TIMEOUT_MS })],
  });
  const spans = new Spans(api, provider.getTracer('lite-agent', version), new AsyncLocalStorage<Context>());
  return {
    tasks: createTaskSpans(spans),
    traffic: createTrafficSpans(spans),
    outgoing() {
      const span = spans.currentSpan;
      return span ? { traceparent: formatTraceparent(span) } : {};
    },
    close: () => withDeadline(provider.shutdown(), CLOSE_TIMEOUT_MS, late).catch(() => undefined),
  };
}

function late(): Error {
  return new Error(`the collector does not answer within ${CLOSE_TIMEOUT_MS} ms`);
}
