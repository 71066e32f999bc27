import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Guard } from './guard.ts';

/** How long a browser may remember the answer to a preflight, in seconds. */
const PREFLIGHT_MAX_AGE = '600';
const METHODS = 'GET, POST, PUT, PATCH, DELETE';
/** The headers that scripts of a page may read: OpenAI's clients look for `X-Should-Retry` before they repeat a request. */
const ANSWER_HEADERS =
  'X-Request-ID, X-Trace-ID, Retry-After, X-Should-Retry, Idempotent-Replayed, Mcp-Session-Id, ' +
  'WWW-Authenticate, Content-Disposition, ETag';

/**
 * Sets the CORS headers for an origin that is allowed by name [Fetch 3.3]. Answers a preflight, and is true then. Such an
 * origin may send cookies, and any header: client libraries add their own (`x-stainless-*`, `openai-beta`).
 */
export function allowOrigin(guard: Guard, request: IncomingMessage, response: ServerResponse): boolean {
  const {
    origin,
    'access-control-request-method': method,
    'access-control-request-headers': headers = '',
  } = request.headers;
  response.setHeader(
    'Vary',
    request.method === 'OPTIONS' ? 'Origin, Access-Control-Request-Headers' : 'Origin',
  );
  if (!guard.allows(origin)) return false;
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.setHeader('Access-Control-Allow-Credentials', 'true');
  response.setHeader('Access-Control-Expose-Headers', ANSWER_HEADERS);
  if (request.method !== 'OPTIONS' || method === undefined) return false;
  response.setHeader('Access-Control-Allow-Methods', METHODS);
  if (headers !== '') response.setHeader('Access-Control-Allow-Headers', headers);
  response.setHeader('Access-Control-Max-Age', PREFLIGHT_MAX_AGE);
  if (request.headers['access-control-request-private-network'] !== undefined)
    response.setHeader('Access-Control-Allow-Private-Network', 'true');
  response.writeHead(204).end();
  return true;
}
