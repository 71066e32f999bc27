import { withoutEnd } from './without-end.ts';

/**
 * Whether two base URLs are one: the case of the host, the port of the scheme and a final slash make no other endpoint
 * [RFC 3986 6.2].
 */
export function isSameUrl(one: string, other: string): boolean {
  return normalUrl(one) === normalUrl(other);
}

function normalUrl(url: string): string {
  return withoutEnd(URL.canParse(url) ? new URL(url).href : url, '/');
}
