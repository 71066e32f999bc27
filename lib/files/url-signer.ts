import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { systemClock, type Clock } from '../common/clock.ts';
import type { UrlGrant } from './object-store.ts';

/** The path of this server's signed URLs. */
export const OBJECTS_PATH = '/objects';

/** Signs URLs of this server, and recognises them. */
export interface UrlSigner {
  /** The signed URL. */
  sign(grant: UrlGrant): string;
  /** Whether a request with this query may do this now. */
  allows(method: 'GET' | 'PUT', key: string, query: URLSearchParams): boolean;
  /** The key of a URL that this server signed, also of an expired one; undefined for any other text. */
  keyOf(url: string): string | undefined;
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
    keyOf(url) {
      if (!URL.canParse(url)) return undefined;
      const { pathname, searchParams } = new URL(url);
      const key = pathname.startsWith(`${OBJECTS_PATH}/`)
        ? pathname.slice(OBJECTS_PATH.length + 1)
        : undefined;
      if (key === undefined) return undefined;
      return isSigned('PUT', key, searchParams) || isSigned('GET', key, searchParams) ? key : undefined;
    },
  };
}
