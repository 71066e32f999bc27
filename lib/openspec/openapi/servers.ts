import { withoutEnd } from '../../common/without-end.ts';
import { isObject, type JsonObject } from '../../common/json.ts';
import { SpecError } from '../../errors.ts';
import type { SpecDocument } from '../spec-document.ts';
import { listAt, objectAt, textAt, textsAt } from '../read.ts';

/** The root of all requests: `https://host:port`, and the path above all paths (without a `/` at its end). */
export interface ServerRoot {
  origin: string;
  path: string;
}

/** The URL an operation's paths are relative to, variables filled in; may itself be relative. Operation over path over root. */
export function openapiServerUrl(document: SpecDocument, item: JsonObject, operation: JsonObject): string {
  if (document.isSwagger2) return swagger2Url(document.root, operation);
  for (const node of [operation, item, document.root]) {
    const urls = listAt(node, 'servers').flatMap((server) => (isObject(server) ? [filledIn(server)] : []));
    // Servers of WebSockets and the like are passed over where there is another one.
    const usable = urls.find((url) => /^https?:/i.test(url) || !/^[a-z][a-z0-9+.-]*:/i.test(url)) ?? urls[0];
    if (usable !== undefined) return usable;
  }
  return '/';
}

/** A server's URL with the defaults of its variables. A variable without one keeps its braces. */
function filledIn(server: JsonObject): string {
  const variables = objectAt(server, 'variables');
  return (textAt(server, 'url') ?? '/').trim().replace(/\{([^{}]+)\}/g, (braces, name: string) => {
    const variable = objectAt(variables, name);
    const standard = variable?.['default'] ?? listAt(variable, 'enum')[0];
    return typeof standard === 'object' || standard === undefined ? braces : String(standard);
  });
}

/** The URL in Swagger 2.0's `schemes`, `host` and `basePath`. */
function swagger2Url(root: JsonObject, operation: JsonObject): string {
  const schemes = [...textsAt(operation, 'schemes'), ...textsAt(root, 'schemes')];
  const scheme = schemes.find((one) => one === 'https') ?? schemes.find((one) => one === 'http');
  const host = textAt(root, 'host');
  const basePath = `/${(textAt(root, 'basePath') ?? '/').replace(/^\/+/, '')}`;
  if (host === undefined) return basePath;
  // Without schemes it is the one the document came by [Swagger 2.0].
  return `${scheme === undefined ? '' : `${scheme}:`}//${host}${basePath}`;
}

/** Reads a base URL. A relative URL is resolved against `source`, the place of the document. Throws a SpecError with advice. */
export function parseServer(url: string, source: string | undefined): ServerRoot {
  const from = source !== undefined && /^https?:/i.test(source) ? source : undefined;
  // `device.local:8080` is an address, and not a URL of the scheme `device.local`.
  const isBare = /^[\w.-]+:\d+(\/|$)|^\[[\da-f:.]+\](:\d+)?(\/|$)/i.test(url);
  const text = isBare ? `http://${url}` : from === undefined && url.startsWith('//') ? `http:${url}` : url;
  if (!URL.canParse(text, from)) {
    const shown = text.replace(/\/\/[^/@]*@/, '//…@'); // never a password
    const what = /^[a-z][a-z0-9+.-]*:/i.test(text) ? `cannot be read: ${shown}` : `is relative: ${shown}`;
    throw new SpecError(`The document's server URL ${what}. Give the device's base URL as "server".`);
  }
  const { protocol, origin, pathname, username, password, href } = new URL(text, from);
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new SpecError(`${protocol} is refused: only http and https are called. Give another "server".`);
  }
  if (username !== '' || password !== '') {
    throw new SpecError('A server URL with a user name or password is refused; give them as credentials.');
  }
  if (/%7B|[{}]/i.test(href)) {
    throw new SpecError(`The server URL has a variable without a value: ${text}. Give "server".`);
  }
  return { origin, path: withoutEnd(pathname, '/') };
}
