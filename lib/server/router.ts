import { AppError } from '../errors.ts';
import type { Mount, Route } from './mount.ts';

/** A route that fits a request, with its path's parameters. */
export interface Match {
  route: Route;
  mount: Mount;
  params: Record<string, string>;
}

/** Finds routes by method and path. */
export interface Router {
  /** Throws `not_found` for an unknown path or method, `invalid_request` for a path that cannot be decoded. */
  match(method: string, path: string): Match;
  /** Whose shape errors under a path have; undefined where no dialect lives. */
  mountOf(path: string): Mount | undefined;
}

type Methods = Map<string, { route: Route; mount: Mount }>;

/** A router over all dialects' routes; fixed paths go before paths with parameters. Throws on two routes of one method and path. */
export function createRouter(mounts: readonly Mount[]): Router {
  const fixed = new Map<string, Methods>();
  const patterns = new Map<string, { pattern: RegExp; methods: Methods }>();
  for (const mount of mounts) {
    for (const route of mount.routes) {
      const methods = methodsAt(route.path);
      if (methods.has(route.method)) throw new Error(`two routes for ${route.method} ${route.path}`);
      methods.set(route.method, { route, mount });
    }
  }
  const prefixes = mounts
    .flatMap((mount) => mount.prefixes.map((prefix) => ({ prefix, mount })))
    .sort((a, b) => b.prefix.length - a.prefix.length);

  function methodsAt(path: string): Methods {
    if (!path.includes(':')) {
      const methods = fixed.get(path) ?? new Map();
      fixed.set(path, methods);
      return methods;
    }
    const pattern = new RegExp(`^${path.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    const { methods } = patterns.get(pattern.source) ?? { methods: new Map() };
    patterns.set(pattern.source, { pattern, methods });
    return methods;
  }

  function find(path: string): { methods: Methods; params: Record<string, string> } | undefined {
    const methods = fixed.get(path);
    if (methods) return { methods, params: {} };
    for (const { pattern, methods } of patterns.values()) {
      const found = pattern.exec(path);
      if (found) return { methods, params: decodeAll(found.groups ?? {}) };
    }
    return undefined;
  }

  return {
    match(method, path) {
      const found = find(path);
      if (!found) throw new AppError('not_found', `There is nothing at ${path}.`);
      const wanted = method === 'HEAD' ? 'GET' : method;
      const match = found.methods.get(wanted);
      if (match) return { ...match, params: found.params };
      const known = [...found.methods.keys()].join(', ');
      throw new AppError('not_found', `There is no ${method} at ${path}, only ${known}.`);
    },
    mountOf(path) {
      return prefixes.find(({ prefix }) => path === prefix || path.startsWith(withSlash(prefix)))?.mount;
    },
  };
}

function withSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix : `${prefix}/`;
}

function decodeAll(groups: Record<string, string>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(groups).map(([name, text]) => [name, decodeURIComponent(text)]));
  } catch (cause) {
    throw new AppError('invalid_request', 'The path holds a broken percent escape.', { cause });
  }
}
