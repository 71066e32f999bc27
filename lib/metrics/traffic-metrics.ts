import GaugeOf from 'prom-client/lib/gauge.js';
import HistogramOf from 'prom-client/lib/histogram.js';
import type { Registry } from 'prom-client';
import type { TrafficObserver } from '../server/traffic.ts';
import { OTHER } from './bounded-names.ts';
import { LabelledCount } from './labelled-count.ts';

/** The bounds of the histogram, in seconds. */
const REQUEST_SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 5, 30];

/** The metrics of HTTP requests and sockets. Routes are the patterns of the table of routes, so that paths of clients are no labels. */
export function createTrafficMetrics(registry: Registry): TrafficObserver {
  const registers = [registry];
  const requests = new LabelledCount(registry, {
    kind: 'counter',
    name: 'lite_agent_http_requests_total',
    help: 'HTTP requests by the pattern of their route and the class of their status; aborted: the client left before the end.',
    labels: ['method', 'route', 'status'],
  });
  const seconds = new HistogramOf({
    name: 'lite_agent_http_request_seconds',
    help: 'The time from the headers of a request to the end of its answer, streams included.',
    labelNames: ['route'],
    buckets: REQUEST_SECONDS,
    registers,
  });
  return {
    request() {
      const began = performance.now();
      return {
        within: (work) => work(),
        answered({ method, route = OTHER, status }) {
          // The class is enough to see failures, and keeps the number of rows small.
          const kind = status === 'aborted' ? status : `${Math.floor(status / 100)}xx`;
          // Without a route the method is a word of the client, of which there may be any number.
          requests.add(1, route === OTHER ? OTHER : method, route, kind);
          seconds.observe({ route }, (performance.now() - began) / 1000);
        },
      };
    },
    // Metrics have no context that the messages of a socket could belong to.
    socket: () => undefined,
    countSockets(count) {
      const gauge = new GaugeOf({
        name: 'lite_agent_sockets_open',
        help: 'Open WebSockets.',
        registers: [],
        // The server knows its sockets: they are counted when somebody reads the metrics.
        collect() {
          this.set(count());
        },
      });
      registry.registerMetric(gauge);
    },
  };
}
