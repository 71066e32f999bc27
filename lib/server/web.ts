import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Access } from '../accounts/access.ts';
import { anonymous } from '../accounts/access.ts';
import { AppError } from '../errors.ts';
import { readJson } from './body.ts';
import type { Log } from '../log.ts';
import type { Forwarded } from './forwarded.ts';
import type { Guard } from './guard.ts';
import { bearerOf, identify, readQuery, refuse, requestIdOf, targetOf } from './intake.ts';
import { formatProblem } from './problem.ts';
import type { Call, Route } from './mount.ts';
import type { Match, Router } from './router.ts';
import { errorHeaders, statusOf, toAppError } from './status.ts';
import { readerOf } from './validate.ts';
import { withFields } from './with-fields.ts';

const BODY_MAX_BYTES = 1024 * 1024;

/** What the HTTP side and the upgrades share. */
export interface WebOptions {
  router: Router;
  guard: Guard;
  forwarded: (request: IncomingMessage) => Forwarded;
  access: Access;
  log: Log;
  draining: () => boolean;
  /** Rejects while something that every call needs is down; asked by `/readyz`. */
  ready: () => Promise<void>;
}

/**
 * The way of every HTTP request: id, guard, CORS, route, caller, query, body, answer; one place for errors and one log
 * line. A plain listener on node:http with routes as data: that is 45 ms less at every start than express, and the same
 * table is what documents the routes. Never rejects.
 */
export function createWeb(options: WebOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const { router, guard, access, draining } = options;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const began = performance.now();
    const requestId = requestIdOf(request);
    const { address, host } = options.forwarded(request);
    const log = withFields(options.log, { request_id: requestId });
    let path = '';
    const line: Record<string, unknown> = { client_ip: address, method: request.method };
    response.setHeader('X-Request-ID', requestId);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cache-Control', 'no-store');
    if (draining()) response.setHeader('Connection', 'close');
    response.once('close', () => {
      line.path = path;
      line.status = response.statusCode;
      line.response_time_ms = Math.round((performance.now() - began) * 10) / 10;
      if (!response.writableFinished) line.aborted = true;
      const level = path === '/healthz' || path === '/readyz' ? 'debug' : 'info';
      log[level](line, `${request.method} ${path}`);
    });
    try {
      const target = targetOf(request);
      path = target.path;
      guard.check(request, host);
      if (allowOrigin(request, response)) return;
      if (await answerHealth(path, response)) return;
      if (draining()) throw new AppError('unavailable', 'The server is going down; try again.');
      const match = router.match(request.method ?? 'GET', path);
      const call = await read(request, response, match, target.search, log);
      line.user_id = call.caller.id;
      const value = await match.route.handle(call);
      if (value !== undefined) sendJson(response, value);
    } catch (error) {
      fail(response, path, toAppError(error), log);
    }
  }

  async function read(
    request: IncomingMessage,
    response: ServerResponse,
    { route, mount, params }: Match,
    search: URLSearchParams,
    log: Log,
  ): Promise<Call> {
    const caller =
      route.access === 'open' ? anonymous : await identify(access, mount, { token: bearerOf(request) });
    const query = await readQuery(search, route.query);
    const { value: body, ignored } = await readBody(request, response, route);
    return { request, response, params, query, body, caller, ignored, log };
  }

  /** CORS for origins allowed by name [Fetch 3.3]; true when this was a preflight, which is answered then. */
  function allowOrigin(request: IncomingMessage, response: ServerResponse): boolean {
    const { origin, 'access-control-request-method': method } = request.headers;
    response.setHeader('Vary', 'Origin');
    if (!guard.allows(origin)) return false;
    response.setHeader('Access-Control-Allow-Origin', origin);
    response.setHeader('Access-Control-Expose-Headers', 'X-Request-ID, Retry-After');
    if (request.method !== 'OPTIONS' || method === undefined) return false;
    response.setHeader('Access-Control-Allow-Methods', 'GET, POST, PUT, PATCH, DELETE');
    response.setHeader('Access-Control-Allow-Headers', 'Authorization, Content-Type, X-Request-ID');
    response.setHeader('Access-Control-Max-Age', '600');
    if (request.headers['access-control-request-private-network'] !== undefined)
      response.setHeader('Access-Control-Allow-Private-Network', 'true');
    response.writeHead(204).end();
    return true;
  }

  /** `/healthz`: the process answers. `/readyz`: it takes work. */
  async function answerHealth(path: string, response: ServerResponse): Promise<boolean> {
    if (path === '/healthz') {
      sendJson(response, { status: 'ok' });
      return true;
    }
    if (path !== '/readyz') return false;
    if (draining()) throw new AppError('unavailable', 'The server is going down.');
    await options.ready();
    sendJson(response, { status: 'ready' });
    return true;
  }

  function fail(response: ServerResponse, path: string, error: AppError, log: Log): void {
    const status = statusOf(error.code);
    if (status >= 500 && error.code !== 'unavailable') log.error({ err: error, path }, error.message);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { contentType, body } = router.mountOf(path)?.formatError(error) ?? formatProblem(error);
    response
      .writeHead(status, {
        ...errorHeaders(error),
        'Content-Type': contentType,
        'Content-Length': Buffer.byteLength(body),
      })
      .end(body);
  }

  return (request, response) => {
    serve(request, response).catch((error: unknown) => {
      options.log.error({ err: error }, 'an answer could not be made');
      response.destroy();
    });
  };
}

async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  { body: schema, bodyMaxBytes = BODY_MAX_BYTES }: Route,
): Promise<{ value: unknown; ignored: string[] }> {
  if (!schema) return { value: undefined, ignored: [] };
  const read = await readerOf(schema);
  const reading = read(await readJson(request, response, bodyMaxBytes));
  refuse('body', reading.faults);
  return reading;
}

function sendJson(response: ServerResponse, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(response.statusCode, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
  });
  response.end(body);
}
