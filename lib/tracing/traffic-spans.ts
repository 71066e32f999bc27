import type { TrafficObserver } from '../server/traffic.ts';
import type { Spans } from './spans.ts';

/** A status from here on fails the span. One of 4xx is the caller's fault [semconv, HTTP server spans]. */
const SERVER_ERROR = 500;

/**
 * A span for each HTTP request that finds a route of the server. A `traceparent` header names its parent. The messages of a WebSocket
 * are children of the parent that its handshake names.
 */
export function createTrafficSpans(spans: Spans): TrafficObserver {
  return {
    request({ method = 'GET', headers }) {
      const { span, within } = spans.begin({
        name: method,
        kind: 'SERVER',
        attributes: { 'http.request.method': method },
        parent: spans.contextOf(headers['traceparent']),
      });
      return {
        within,
        answered({ route, status }) {
          if (route !== undefined) {
            // The pattern of the route, never the path: names of spans are grouped, and a path may hold ids.
            span.updateName(`${method} ${route}`);
            span.setAttribute('http.route', route);
          }
          if (status === 'aborted') spans.fail(span, 'aborted');
          else {
            span.setAttribute('http.response.status_code', status);
            if (status >= SERVER_ERROR) spans.fail(span, String(status));
          }
          span.end();
        },
      };
    },
    socket({ headers }) {
      const context = spans.contextOf(headers['traceparent']);
      return (work) => spans.run(context, work);
    },
    countSockets: () => undefined,
  };
}
