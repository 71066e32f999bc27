import { linearParts, type LinearParts } from '../../../common/linear-pattern.ts';
import type { JsonObject } from '../../../common/json.ts';
import type { SpecDocument } from '../../spec-document.ts';
import { operationsOf } from '../operations.ts';
import { literal } from '../request.ts';
import { pathVariable, requestShapeOf, type RequestShape } from '../request-shape.ts';

/** One operation of a document, as requests find it. */
export interface OperationRoute {
  /** Upper case. */
  method: string;
  /** Without a query or a fragment. */
  template: string;
  /** The names in its braces. */
  variables: readonly string[];
  node: JsonObject;
  home: JsonObject;
  shape: RequestShape;
}

/** A request's route, and its path variables as they came. */
interface RouteMatch {
  route: OperationRoute;
  variables: Readonly<Record<string, string>>;
}

/** The operations of a document by method and path. */
export interface OperationRoutes {
  /** Those with the fewest variables first. */
  readonly all: readonly OperationRoute[];
  /** The route of a request; else the methods that its path knows, none for a path that is nowhere. */
  find(method: string, path: string, query: string): RouteMatch | { allowed: string[] };
}

interface Pattern {
  route: OperationRoute;
  parts: LinearParts;
  /** Some documents tell operations apart by a query in the path; it may hold variables, too. */
  query: readonly (readonly [name: string, value: string])[];
  rank: string;
}

/** The routes of a document; where several fit, the one with the fewest variables counts. */
export function createOperationRoutes(document: SpecDocument): OperationRoutes {
  const patterns: Pattern[] = [];
  for (const found of operationsOf(document, [])) {
    const { method, path, home, node } = found;
    const [whole = ''] = path.split('#', 1);
    const [template = '', query = ''] = whole.split('?', 2);
    const shape = requestShapeOf(document, found);
    const route: OperationRoute = {
      method,
      template: template.startsWith('/') ? template : `/${template}`,
      variables: [...whole.matchAll(/\{([^{}]*)\}/g)].map(([, braces = '']) => pathVariable(braces)),
      node,
      home,
      // Its parameters cannot be read, so it accepts any request.
      shape: typeof shape === 'string' ? { parameters: [], keys: [], faults: [shape] } : shape,
    };
    patterns.push({
      route,
      query: pairsOf(query),
      ...patternOf(route.template),
    });
  }
  patterns.sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : b.query.length - a.query.length));

  return {
    all: patterns.map(({ route }) => route),
    find(method, path, query) {
      const given = new Map(pairsOf(query));
      const allowed = new Set<string>();
      for (const { route, parts, query: wanted } of patterns) {
        const found = parts(path);
        if (found === undefined) continue;
        allowed.add(route.method);
        // HEAD is answered as GET [RFC 9110 9.3.2].
        const isMethod = route.method === method || (route.method === 'GET' && method === 'HEAD');
        const isThis = ([name, value]: readonly [string, string]): boolean =>
          value.includes('{') ? given.has(name) : given.get(name) === value;
        if (!isMethod || !wanted.every(isThis)) continue;
        const inQuery = wanted.filter(([, value]) => value.includes('{')).map(([name]) => given.get(name));
        const texts = [...found, ...inQuery];
        const variables = route.variables.map((name, index) => [name, texts[index] ?? '']);
        return { route, variables: Object.fromEntries(variables) as Record<string, string> };
      }
      return { allowed: [...allowed] };
    },
  };
}

/**
 * The regular expression of a path, and its rank: fixed steps come before variables, and variables before wildcards.
 */
function patternOf(template: string): { parts: LinearParts; rank: string } {
  const source = template
    .split(/(\{[^{}]*\})/)
    .map((part) => {
      if (!/^\{.*\}$/.test(part)) return literal(part).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
      return isWild(part) ? '(.+?)' : '([^/]+?)';
    })
    .join('');
  const rank = template
    .split('/')
    .map((part) => (!part.includes('{') ? 'a' : isWild(part) ? 'd' : /^\{[^{}]*\}$/.test(part) ? 'c' : 'b'))
    .join('');
  return { parts: linearParts(`^${source}/?$`), rank };
}

/** The `name=value` pairs of a query, still encoded. */
function pairsOf(query: string): [string, string][] {
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', ...rest] = pair.split('=');
      return [name, rest.join('=')];
    });
}

/** `{+path}` and `{path*}` may hold slashes. */
function isWild(part: string): boolean {
  return /\{\+|\*\}/.test(part);
}
