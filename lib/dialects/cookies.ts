import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseCookie, stringifySetCookie } from 'cookie';

/** A cookie of a dialect. Scripts never read it, and over https it never travels in the clear [RFC 6265 5.2]. */
export interface Cookie {
  name: string;
  /** Undefined removes the cookie from the browser. */
  value: string | undefined;
  /** The browser sends the cookie with requests below this path [RFC 6265 5.1.4]. */
  path: string;
  /** Has no effect where the cookie is removed. */
  maxAgeSeconds: number;
  /** `lax` also sends it when a link of another site leads here; `strict` never does [RFC 6265bis 5.5.7]. */
  sameSite: 'lax' | 'strict';
}

/** Sets a cookie on a response; `origin` is how the client names this server. */
export function setCookie(response: ServerResponse, origin: string, cookie: Cookie): void {
  const { name, value, path, maxAgeSeconds, sameSite } = cookie;
  const header = stringifySetCookie({
    name,
    value: value ?? '',
    path,
    maxAge: value === undefined ? 0 : maxAgeSeconds,
    httpOnly: true,
    secure: origin.startsWith('https:'),
    sameSite,
  });
  // It replaces a cookie that was set before: a response sets one.
  response.setHeader('Set-Cookie', header);
}

/** The value of a request's cookie; undefined for a missing or an empty one. */
export function findCookie({ headers }: IncomingMessage, name: string): string | undefined {
  return parseCookie(headers.cookie ?? '')[name] || undefined;
}
