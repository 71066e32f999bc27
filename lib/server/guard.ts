import type { IncomingMessage } from 'node:http';
import { isLoopbackHost } from '../common/addresses.ts';
import { parseHostHeader } from '../common/host.ts';
import { originOf } from '../common/origin-of.ts';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';

/** Keeps pages of other sites away from the server, on HTTP and on upgrades (contract 0, ALLOWED_ORIGINS). */
export interface Guard {
  /**
   * Throws `invalid_request` for a request whose host is in doubt, and `forbidden` for one that a page of another site made. `host` is the host that the request asked for, direct
   * or forwarded. `entrance`: links of other sites may lead there.
   */
  check(request: IncomingMessage, host: string | undefined, entrance?: boolean): void;
  /** Whether the request's Origin is one that was allowed by name; only then CORS headers are sent. */
  allows(origin: string | undefined): origin is string;
}

/** A guard for the address that the server listens on, and the origins that may call. */
export function createGuard(config: Pick<Config, 'loopback' | 'allowedOrigins' | 'publicUrl'>): Guard {
  const allowed = new Set(config.allowedOrigins);
  const publicUrl = config.publicUrl === undefined ? undefined : new URL(config.publicUrl);
  if (publicUrl) allowed.add(publicUrl.origin);

  function isPublicHost(host: string): boolean {
    return publicUrl !== undefined && hostOf(publicUrl.protocol, host) === publicUrl.host;
  }

  function checkHost(host: string | undefined): void {
    // DNS rebinding: a page makes its own name point at this machine. Its requests still carry that name.
    const name = parseHostHeader(host)?.name;
    if (!config.loopback || (host && name !== undefined && (isLoopbackHost(name) || isPublicHost(host))))
      return;
    throw new AppError(
      'forbidden',
      'The Host header must name this machine: localhost or a loopback address.',
    );
  }

  return {
    check(request, host, entrance = false) {
      const { headers } = request;
      checkForm(request, host);
      checkHost(headers.host);
      const { origin, referer, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers;
      if (origin !== undefined) {
        if (allowed.has(origin) || isSameHost(origin, host)) return;
        throw new AppError(
          'forbidden',
          'Pages of this origin may not call; ALLOWED_ORIGINS names those that may.',
        );
      }
      if (entrance && mode === 'navigate') return;
      // Links, images and scripts come without an Origin. A page that may call shows pictures, and the Referer names it.
      if (referer !== undefined && allowed.has(originOf(referer) ?? '')) return;
      // The others reach GET calls, and some of those change something.
      if (site === 'cross-site' || (site === 'same-site' && mode === 'no-cors'))
        throw new AppError('forbidden', 'Other sites may not make a browser call this server.');
    },
    allows: (origin): origin is string => origin !== undefined && allowed.has(origin),
  };
}

/**
 * Throws for a Host that is malformed or given twice, and for a whole URL as the target that names another host: the parts of a
 * chain would not agree on the host [RFC 9112 3.2, 3.2.2].
 */
function checkForm({ url = '', headers, headersDistinct }: IncomingMessage, host: string | undefined): void {
  const twice = (headersDistinct['host']?.length ?? 0) > 1;
  const given = [headers.host, host].filter((text) => text !== undefined && text !== '');
  if (twice || given.some((text) => parseHostHeader(text) === undefined))
    throw new AppError(
      'invalid_request',
      'The Host header must be one name or address, with a port or without.',
    );
  if (url === '' || url.startsWith('/') || !URL.canParse(url)) return; // a target that cannot be read is refused elsewhere
  const target = new URL(url);
  if (hostOf(target.protocol, headers.host ?? '') === target.host && target.username + target.password === '')
    return;
  throw new AppError('invalid_request', 'The request target names another host than the Host header.');
}

/**
 * Checks a request to a GET route that changes something. Throws `not_found` for HEAD, which express takes for a GET. Where the route is for
 * programs, throws `forbidden` for a request of a browser: any page can make a browser send a GET, as a picture or a link.
 */
export function checkChange({ method, headers }: IncomingMessage, changes: 'for programs' | 'for all'): void {
  if (method === 'HEAD')
    throw new AppError('not_found', 'There is no HEAD here, because a GET changes something.');
  if (changes === 'for all') return;
  // The fetch of Node says `Sec-Fetch-Mode: cors` and nothing else of the kind.
  const says = (name: string): boolean =>
    headers[name] !== undefined && !(name === 'sec-fetch-mode' && headers[name] === 'cors');
  const isBrowser = Object.keys(headers).some(
    (name) => (name.startsWith('sec-fetch-') || name === 'origin' || name === 'referer') && says(name),
  );
  if (isBrowser)
    throw new AppError(
      'forbidden',
      'A browser may not call this with GET, because it changes something: send a POST.',
    );
}

function isSameHost(origin: string, host: string | undefined): boolean {
  if (!URL.canParse(origin) || host === undefined) return false;
  const { origin: strict, protocol, host: own } = new URL(origin);
  return strict === origin && own === hostOf(protocol, host);
}

/** A host as the URLs of a scheme have it: in lower case, without the port that is usual there. Undefined for a malformed one. */
function hostOf(protocol: string, host: string): string | undefined {
  const url = `${protocol}//${host}`;
  return parseHostHeader(host) && URL.canParse(url) ? new URL(url).host : undefined;
}
