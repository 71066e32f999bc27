/**
 * The parts of `prom-client` that are loaded at start. Its main file also loads the default metrics and the clients of clusters and
 * gateways, which takes ten times as long.
 */
declare module 'prom-client/lib/counter.js' {
  const loaded: typeof import('prom-client').Counter;
  export default loaded;
}
declare module 'prom-client/lib/gauge.js' {
  const loaded: typeof import('prom-client').Gauge;
  export default loaded;
}
declare module 'prom-client/lib/histogram.js' {
  const loaded: typeof import('prom-client').Histogram;
  export default loaded;
}
declare module 'prom-client/lib/registry.js' {
  const loaded: typeof import('prom-client').Registry;
  export default loaded;
}
declare module 'prom-client/lib/defaultMetrics.js' {
  const loaded: typeof import('prom-client').collectDefaultMetrics;
  export default loaded;
}
