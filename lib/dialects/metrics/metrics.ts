import { anonymous } from '../../accounts/access.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { route, type Route } from '../../server/mount.ts';
import { formatProblem } from '../../server/problem.ts';
import type { Dialect } from '../dialect.ts';

/** The metrics of this node for Prometheus. METRICS says who may read them, or that nobody may. */
export const metricsDialect: Dialect<'config' | 'metrics'> = {
  name: 'metrics',
  mount({ config, metrics }) {
    return {
      name: 'metrics',
      prefixes: ['/metrics'],
      routes: metrics ? [metricsRoute(metrics, config.metrics)] : [],
      sockets: [],
      anonymous: config.auth === 'none' ? anonymous : undefined,
      formatError: (error) => formatProblem(error),
    };
  },
};

function metricsRoute(metrics: Metrics, readers: 'admins' | 'open' | 'off'): Route {
  return route({
    method: 'GET',
    path: '/metrics',
    summary: 'The metrics of this node, in the text format of Prometheus.',
    access: readers === 'open' ? 'open' : 'read metrics',
    async handle({ response }) {
      const text = await metrics.text();
      response.writeHead(200, { 'Content-Type': metrics.contentType }).end(text);
    },
  });
}
