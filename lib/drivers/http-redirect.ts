import { cutWords } from '../common/cut-words.ts';
import { STATUS_CODES } from 'node:http';
import type { HttpRequest, HttpResponse } from './http.ts';

/** A request is redirected at most this often. A longer chain is a loop, or a device that nobody set up. */
export const REDIRECTS_MAX_COUNT = 3;

/** The redirects after which the request was surely not carried out: the client is to send it elsewhere [RFC 9110 15.4.8, 15.4.9]. */
const NOT_DONE = new Set([307, 308]);
const NOT_MODIFIED = 304;
/** A longer target is cut in the message. `location` has all of it. */
const TARGET_MAX_CHARS = 300;

/** Whether a status sends the client elsewhere: 300 to 399, except for 304 (the client has the answer already). */
export function isRedirect(statusCode: number): boolean {
  return statusCode >= 300 && statusCode < 400 && statusCode !== NOT_MODIFIED;
}

/** The path and the query of the next request; undefined for an answer whose redirect is not followed. */
export function nextPath(
  request: HttpRequest,
  { statusCode, headers, error }: HttpResponse,
): string | undefined {
  const { effect, method, origin, path } = request;
  const isSafe = effect === 'read' && (method === 'GET' || method === 'HEAD');
  if (!isSafe || error !== undefined || statusCode === undefined) return undefined;
  // 300 offers a choice, and 305 and 306 name proxies [RFC 9110 15.4].
  if (![301, 302, 303, 307, 308].includes(statusCode)) return undefined;
  const { location = '' } = headers;
  if (location === '' || !URL.canParse(location, origin + path)) return undefined;
  const target = new URL(location, origin + path);
  const isSame = target.origin === new URL(origin).origin && target.username === '' && target.password === '';
  return isSame ? target.pathname + target.search : undefined;
}

/** The message and the effect of a redirect that was not followed. */
export function redirectOutcome(
  { effect, origin }: HttpRequest,
  { statusCode = 0, headers: { location = '' } }: HttpResponse,
): { message: string; effect: 'none' | 'unknown' } {
  // 301, 302 and 303 often come after the work: a form is answered with the page to show next.
  const isDone = effect === 'write' && !NOT_DONE.has(statusCode) ? 'unknown' : 'none';
  const short = cutWords(location, TARGET_MAX_CHARS);
  const target = location === '' ? 'does not say where to' : `redirects to ${short}`;
  const fate =
    effect === 'read'
      ? 'It was not followed'
      : isDone === 'none'
        ? 'The request was not carried out there, and it was not sent again'
        : 'The request may have been carried out, and it was not sent again';
  return {
    message:
      `${origin} answered HTTP ${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trimEnd() +
      ` and ${target}. ${fate}. If the device has moved, give its new address as "server", or correct the path in the document`,
    effect: isDone,
  };
}
