import type { IncomingMessage } from 'node:http';
import { pathToRegexp } from 'path-to-regexp';
import { asksForPage } from './intake.ts';
import type { Mount, Route } from './mount.ts';

/** A route, and the dialect that it belongs to. */
export interface MountedRoute {
  mount: Mount;
  route: Route;
}

/** All routes of the server. */
export interface RouteTable {
  /** Fixed paths before paths with parameters, because express takes the first that fits. */
  readonly all: readonly MountedRoute[];
  /** The methods that have a route at this path of a request. */
  methodsAt(path: string): string[];
  /** Whether links of other sites may lead a browser to this path: to a page for people, or to an address where nothing is. */
  isEntrance(request: IncomingMessage, path: string): boolean;
  /** Whether a request with this method and path stops something. */
  isStop(method: string, path: string): boolean;
}

/** The routes of these mounts. Throws on two routes of one method and path. */
export function createRouteTable(mounts: readonly Mount[]): RouteTable {
  const all = inOrder(mounts);
  const methods = [...methodsByPath(all)].map(([path, some]) => [patternOf(path), some] as const);
  const entrances = all.filter(({ route }) => route.entrance).map(({ route }) => patternOf(route.path));
  const stops = all
    .filter(({ route }) => route.stops)
    .map(({ route }) => [route.method as string, patternOf(route.path)] as const);
  const methodsAt = (path: string): string[] =>
    methods.flatMap(([pattern, some]) => (pattern.test(path) ? some : []));
  return {
    all,
    methodsAt,
    isEntrance: (request, path) =>
      request.method === 'GET' &&
      (entrances.some((pattern) => pattern.test(path)) ||
        (asksForPage(request) && methodsAt(path).length === 0)),
    isStop: (method, path) => stops.some(([one, pattern]) => one === method && pattern.test(path)),
  };
}

function inOrder(mounts: readonly Mount[]): MountedRoute[] {
  const all = mounts.flatMap((mount) => mount.routes.map((route) => ({ mount, route })));
  return all.toSorted((a, b) => Number(/[:*]/.test(a.route.path)) - Number(/[:*]/.test(b.route.path)));
}

/** A pattern for the request paths of a route. Express matches with the same package and options. */
function patternOf(path: string): RegExp {
  return pathToRegexp(path, { sensitive: true, trailing: true }).regexp;
}

function methodsByPath(all: readonly MountedRoute[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const { route } of all) {
    const known = methods.get(route.path) ?? [];
    if (known.includes(route.method)) throw new Error(`two routes for ${route.method} ${route.path}`);
    methods.set(route.path, [...known, route.method]);
  }
  return methods;
}
