import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';

/** The URL at which a method is called, or the reason why there is no URL. */
export type ServerUrl = { url: string } | { fault: string };

/**
 * The URL of the first usable server of the nearest list that has any (a method's before the document's), its `${var}`
 * (`{var}` too) filled with their defaults, and a relative one resolved against the URL that the document came from.
 */
export function openrpcServerUrl(
  lists: readonly (JsonValue | undefined)[],
  source: string | undefined,
): ServerUrl {
  const servers = lists.find((list) => Array.isArray(list) && list.length > 0) ?? [];
  let first: ServerUrl | undefined;
  for (const server of Array.isArray(servers) ? servers : []) {
    const url = isObject(server) ? urlOf(server, source) : { fault: 'The document’s server is no object' };
    if ('url' in url) return url;
    first ??= url;
  }
  if (first !== undefined) return first;
  // An endpoint that described itself is where its methods are called.
  if (source !== undefined && isHttp(source)) return { url: source };
  return { fault: 'The document names no server' };
}

/** The URL of one Server Object, or the reason why it cannot be used. */
function urlOf({ url, variables }: JsonObject, source: string | undefined): ServerUrl {
  if (typeof url !== 'string' || url.trim() === '') return { fault: 'The document’s server has no URL' };
  const missing: string[] = [];
  const filled = url.trim().replaceAll(/\$?\{([^{}]+)\}/g, (_, name: string) => {
    const variable = isObject(variables) ? variables[name.trim()] : undefined;
    const value = isObject(variable) ? (variable['default'] ?? firstOf(variable['enum'])) : undefined;
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    missing.push(name.trim());
    return '';
  });
  if (missing.length > 0) return { fault: `The server "${url}" has no default for ${missing.join(', ')}` };
  if (isHttp(filled)) return { url: filled };
  // "localhost:8080/rpc": OpenRPC's own default is written like this.
  if (/^(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d+)?(?:\/|$)/.test(filled)) return { url: `http://${filled}` };
  if (/^[a-z][a-z0-9+.-]*:/i.test(filled)) return { fault: `The server "${filled}" is no http(s) URL` };
  if (source === undefined || !isHttp(source) || !URL.canParse(filled, source)) {
    return { fault: `The server "${filled}" is relative to an unknown place` };
  }
  return { url: new URL(filled, source).href };
}

function firstOf(value: JsonValue | undefined): JsonValue | undefined {
  return Array.isArray(value) ? value[0] : undefined;
}

function isHttp(url: string): boolean {
  return /^https?:\/\//i.test(url) && URL.canParse(url);
}
