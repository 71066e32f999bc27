import { AppError } from '../errors.ts';
import type { Egress } from './egress.ts';
import { lightResponse, ResponseBody } from './egress-response.ts';

/**
 * A `fetch` through the door, for clients that take one, at a fifth of the cost of the platform's: no redirects, cookies
 * or cache; http(s) only. Rejects with an AppError for a refusal, with the signal's reason when it aborts, else with the
 * connection's error.
 */
export function egressFetch(egress: Egress): typeof fetch {
  /** The last address: a client calls the same one again and again. */
  let last: Target | undefined;

  function targetOf(input: string | URL | Request): Target {
    const text = String(input instanceof Request ? input.url : input);
    return last?.text === text ? last : (last = readTarget(text));
  }

  return (input, init = {}) =>
    new Promise((resolve, reject) => {
      const { method = 'GET', headers, body, signal } = init;
      const { origin, path, href } = targetOf(input);
      if (body !== undefined && body !== null && typeof body !== 'string' && !(body instanceof Uint8Array)) {
        throw new AppError('invalid_request', 'A request body is text or bytes.');
      }
      signal?.throwIfAborted();

      const responseBody = new ResponseBody();
      // The signal may abort before the head has come, or while the body comes.
      const onAbort = () => {
        reject(signal?.reason as Error);
        responseBody.abort(signal?.reason as Error);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      egress.dispatcher.dispatch(
        {
          origin,
          path,
          method,
          headers: plainHeaders(headers),
          body: body ?? null,
        },
        {
          onRequestStart: (controller) => responseBody.start(controller),
          onResponseStart(_, status, responseHeaders, statusText = '') {
            // An interim response; the final one follows [RFC 9110 15.2].
            if (status < 200) return;
            resolve(
              lightResponse(
                { url: href, method, status, statusText, headers: responseHeaders },
                responseBody,
              ),
            );
          },
          onResponseData: (_, chunk) => responseBody.push(chunk),
          onResponseEnd() {
            signal?.removeEventListener('abort', onAbort);
            responseBody.end();
          },
          onResponseError(_, error) {
            signal?.removeEventListener('abort', onAbort);
            reject(error);
            responseBody.end(error);
          },
        },
      );
    });
}

/** An address as the dispatcher takes it. */
interface Target {
  /** As the client gave it. */
  text: string;
  origin: string;
  /** With the query, without the fragment. */
  path: string;
  href: string;
}

/** Throws an AppError for an address that is no URL, is not http(s), or holds credentials. */
function readTarget(text: string): Target {
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new AppError('forbidden', `${url.protocol} is refused: only http and https are called.`);
  if (url.username !== '' || url.password !== '')
    throw new AppError('forbidden', 'A URL with a user name or password is refused.');
  return { text, origin: url.origin, path: url.pathname + url.search, href: url.href };
}

/** The headers as a plain object, which undici takes fastest. */
function plainHeaders(headers: RequestInit['headers']): Record<string, string> {
  const plain: Record<string, string> = {};
  if (headers === undefined) return plain;
  if (isPlain(headers)) return headers;
  const entries = Symbol.iterator in headers ? headers : Object.entries(headers);
  for (const [name, value] of entries as Iterable<[string, string | readonly string[]]>) {
    plain[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return plain;
}

/** Whether headers are a plain object of texts already. */
function isPlain(headers: NonNullable<RequestInit['headers']>): headers is Record<string, string> {
  return (
    Object.getPrototypeOf(headers) === Object.prototype &&
    Object.values(headers).every((value) => typeof value === 'string')
  );
}
