import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { systemClock, type Clock } from '../common/clock.ts';
import type { UrlGrant } from './object-store.ts';

/** The path of this server's signed URLs. Some proxies pass on only `/api/`. */
export const OBJECTS_PATH = '/api/v1/objects';
/** The path that URLs of earlier releases have; histories of clients still hold them. */
const OLD_PATH = '/objects';

/** Signs URLs of this server, and recognises them. */
export interface UrlSigner {
  /** The signed URL. */
  sign(grant: UrlGrant): string;
  /** Whether a request with this query may do this now. */
  allows(method: 'GET' | 'PUT', key: string, query: URLSearchParams): boolean;
  /**
   * The key of a URL of this server: one that it signed, also an expired one, or a bare address below `origin`. Undefined for any
   * other text.
   */
  keyOf(url: string, origin: string): string | undefined;
}

/** Signs `method, key, expiry` with a key derived from the server's secret [RFC 5869, RFC 2104]. */
export function createUrlSigner(secret: string, clock: Clock = systemClock): UrlSigner {
  const signingKey = Buffer.from(hkdfSync('sha256', secret, '', 'lite-agent object urls 1', 32));
  const signatureOf = (method: string, key: string, expires: string): string =>
    createHmac('sha256', signingKey).update(`${method}\n${key}\n${expires}`).digest('base64url');

  function isSigned(method: string, key: string, query: URLSearchParams): boolean {
    const given = Buffer.from(query.get('signature') ?? '');
    const right = Buffer.from(signatureOf(method, key, query.get('expires') ?? ''));
    return given.length === right.length && timingSafeEqual(given, right);
  }

  return {
    sign({ method, key, seconds, origin }) {
      const expires = String(Math.floor(clock.now() / 1000) + seconds);
      return `${origin}${OBJECTS_PATH}/${key}?expires=${expires}&signature=${signatureOf(method, key, expires)}`;
    },
    allows: (method, key, query) =>
      isSigned(method, key, query) && Number(query.get('expires')) * 1000 > clock.now(),
    keyOf(url, origin) {
      if (!URL.canParse(url)) return undefined;
      const { host, pathname, searchParams } = new URL(url);
      const path = [OBJECTS_PATH, OLD_PATH].find((one) => pathname.startsWith(`${one}/`));
      if (path === undefined) return undefined;
      const key = pathname.slice(path.length + 1);
      const isOurs = URL.canParse(origin) && new URL(origin).host === host;
      return isOurs || isSigned('PUT', key, searchParams) || isSigned('GET', key, searchParams)
        ? key
        : undefined;
    },
  };
}
