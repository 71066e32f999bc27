import type { IncomingMessage } from 'node:http';
import { isLoopbackHost } from '../common/addresses.ts';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';

/** Keeps pages of other sites away from the server, on HTTP and on upgrades (contract 0, ALLOWED_ORIGINS). */
export interface Guard {
  /**
   * Throws `forbidden` for a request that a page of another site made. `host` is the host that the request asked for, direct
   * or forwarded. `entrance`: links of other sites may lead there.
   */
  check(request: IncomingMessage, host: string | undefined, entrance?: boolean): void;
  /** Whether the request's Origin is one that was allowed by name; only then CORS headers are sent. */
  allows(origin: string | undefined): origin is string;
}

/** A guard for the address that the server listens on, and the origins that may call. */
export function createGuard(config: Pick<Config, 'loopback' | 'allowedOrigins' | 'publicUrl'>): Guard {
  const allowed = new Set(config.allowedOrigins);
  const publicHost = config.publicUrl === undefined ? undefined : new URL(config.publicUrl).host;
  if (config.publicUrl !== undefined) allowed.add(new URL(config.publicUrl).origin);

  function checkHost(host: string | undefined): void {
    // DNS rebinding: a page makes its own name point at this machine. Its requests still carry that name.
    if (!config.loopback || (host !== undefined && (isLoopbackHost(nameOf(host)) || host === publicHost)))
      return;
    throw new AppError(
      'forbidden',
      'The Host header must name this machine: localhost or a loopback address.',
    );
  }

  return {
    check({ headers }, host, entrance = false) {
      checkHost(headers.host);
      const { origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers;
      if (origin !== undefined) {
        if (allowed.has(origin) || isSameHost(origin, host)) return;
        throw new AppError(
          'forbidden',
          'Pages of this origin may not call; ALLOWED_ORIGINS names those that may.',
        );
      }
      if (entrance && mode === 'navigate') return;
      // Links, images and scripts come without an Origin. They reach GET calls, and some of those change something.
      if (site === 'cross-site' || (site === 'same-site' && mode === 'no-cors'))
        throw new AppError('forbidden', 'Other sites may not make a browser call this server.');
    },
    allows: (origin): origin is string => origin !== undefined && allowed.has(origin),
  };
}

function isSameHost(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase();
}

/** The name in a Host header, without its port [RFC 9110 7.2]. */
function nameOf(host: string): string {
  return host.replace(/:\d*$/, '');
}
