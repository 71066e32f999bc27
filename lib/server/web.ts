import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { pathToRegexp } from 'path-to-regexp';
import express, { type NextFunction, type Request, type Response } from 'express';
import type { Access } from '../accounts/access.ts';
import { anonymous } from '../accounts/access.ts';
import { AppError } from '../errors.ts';
import type { Log } from '../log.ts';
import { readJson } from './body.ts';
import type { Forwarded } from './forwarded.ts';
import type { Guard } from './guard.ts';
import { bearerOf, identify, readQuery, refuseFaults, requestIdOf, targetOf, traceIdOf } from './intake.ts';
import { mountAt, type Mount, type Route } from './mount.ts';
import { formatProblem } from './problem.ts';
import { errorHeaders, statusOf, toAppError } from './status.ts';
import { readerOf } from './validate.ts';
import { withFields } from './with-fields.ts';

const BODY_MAX_BYTES = 1024 * 1024;

/** What the HTTP side and the upgrades share. */
export interface WebOptions {
  mounts: readonly Mount[];
  guard: Guard;
  forwarded: (request: IncomingMessage) => Forwarded;
  access: Access;
  log: Log;
  draining: () => boolean;
  /** Rejects while something that every call needs is down; asked by `/readyz`. */
  ready: () => Promise<void>;
  /** PUBLIC_URL. */
  publicUrl: string | undefined;
}

/** What is known of a request on its way. */
interface Trail {
  log: Log;
  path: string;
  search: URLSearchParams;
  /** Where the client is. */
  address: string;
  /** How it names this server. */
  origin: string;
  /** The fields of its log line. */
  line: Record<string, unknown>;
}
type Answer = Response<unknown, Trail>;

/**
 * The way of every HTTP request, on express: id, guard, CORS, health, route, caller, query, body, answer; one place for
 * errors and one log line. Routes are data (mount.ts): none can forget its caller, its limit or its error shape, and a
 * list of all of them exists. Throws on two routes of one method and path.
 */
export function createWeb(options: WebOptions): RequestListener {
  const { mounts, guard, access, draining } = options;
  const isEntrance = entrancesOf(mounts);
  const app = express();
  app.disable('x-powered-by').disable('etag').disable('query parser');
  app.enable('case sensitive routing').enable('strict routing');

  app.use((request: Request, response: Answer, next: NextFunction) => {
    const began = performance.now();
    const requestId = requestIdOf(request);
    const traceId = traceIdOf(request);
    const { address, host } = options.forwarded(request);
    const line: Record<string, unknown> = { client_ip: address, method: request.method };
    const trail = response.locals;
    Object.assign(trail, {
      log: withFields(options.log, { request_id: requestId, trace_id: traceId }),
      path: '',
      line,
      address,
      origin: options.publicUrl ?? `http://${host ?? 'localhost'}`,
    });
    response.setHeader('X-Request-ID', requestId);
    response.setHeader('X-Trace-ID', traceId);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cache-Control', 'no-store');
    if (draining()) response.setHeader('Connection', 'close');
    response.once('close', () => {
      line.path = trail.path;
      line.status = response.statusCode;
      line.response_time_ms = Math.round((performance.now() - began) * 10) / 10;
      if (!response.writableFinished) line.aborted = true;
      const level = trail.path === '/healthz' || trail.path === '/readyz' ? 'debug' : 'info';
      trail.log[level](line, `${request.method} ${trail.path}`);
    });
    Object.assign(trail, targetOf(request));
    guard.check(request, host, request.method === 'GET' && isEntrance(trail.path));
    if (!allowOrigin(guard, request, response)) next();
  });

  app.get('/healthz', (_request: Request, response: Answer) => sendJson(response, { status: 'ok' }));
  app.get('/readyz', async (_request: Request, response: Answer) => {
    if (draining()) throw new AppError('unavailable', 'The server is going down.');
    await options.ready();
    sendJson(response, { status: 'ready' });
  });
  app.use((_request, _response, next) => {
    if (draining()) throw new AppError('unavailable', 'The server is going down; try again.');
    next();
  });

  for (const { mount, route } of inOrder(mounts)) {
    const method = route.method.toLowerCase() as Lowercase<Route['method']>;
    app[method](route.path, async (request: Request, response: Answer) => {
      const { log, search, line, address, path, origin } = response.locals;
      const caller =
        route.access === 'open'
          ? anonymous
          : await identify(access, mount, { token: bearerOf(request), address });
      line.user_id = caller.id;
      try {
        const query = await readQuery(search, route.query);
        const { value: body, ignored } = await readBody(request, response, route);
        const params = request.params as Record<string, string>;
        if (route.status !== undefined) response.statusCode = route.status;
        const client = { address, agent: request.headers['user-agent'] };
        const checked = { params, query, body, caller, client, origin, ignored, log };
        const value = await route.handle({ request, response, ...checked });
        if (value !== undefined) sendJson(response, value);
      } catch (error) {
        if (error instanceof AppError && error.code === 'forbidden')
          access.refused(caller, { dialect: mount.name, address }, path);
        throw error;
      }
    });
  }
  const methods = methodsByPath(mounts);
  app.use(({ method }: Request, response: Answer) => {
    const { path } = response.locals;
    const known = [...methods].flatMap(([pattern, some]) => (patternOf(pattern).test(path) ? some : []));
    if (known.length === 0) throw new AppError('not_found', `There is nothing at ${path}.`);
    throw new AppError('not_found', `There is no ${method} at ${path}, only ${known.join(', ')}.`);
  });

  app.use((thrown: unknown, _request: Request, response: Answer, _next: NextFunction) => {
    const { path, log } = response.locals;
    fail(response, path, thrown instanceof URIError ? badEscape(thrown) : toAppError(thrown), log);
  });

  function fail(response: ServerResponse, path: string, error: AppError, log: Log): void {
    const usual = statusOf(error.code);
    if (usual >= 500 && error.code !== 'unavailable') log.error({ err: error, path }, error.message);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const formatted = mountAt(mounts, path)?.formatError(error) ?? formatProblem(error);
    const { contentType, body, status = usual } = formatted;
    const headers = { ...errorHeaders(error), 'Content-Type': contentType };
    response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) }).end(body);
  }

  return (request, response) => {
    try {
      targetOf(request); // a target that is none would never reach a route, nor the one place for errors
    } catch (error) {
      return fail(response, '', toAppError(error), options.log);
    }
    return app(request, response);
  };
}

/** All routes, fixed paths before paths with parameters. */
function inOrder(mounts: readonly Mount[]): { mount: Mount; route: Route }[] {
  const all = mounts.flatMap((mount) => mount.routes.map((route) => ({ mount, route })));
  return all.toSorted((a, b) => Number(/[:*]/.test(a.route.path)) - Number(/[:*]/.test(b.route.path)));
}

/** Tells whether links of other sites may lead to a path. */
function entrancesOf(mounts: readonly Mount[]): (path: string) => boolean {
  const open = inOrder(mounts).flatMap(({ route }) => (route.entrance ? [route.path] : []));
  const patterns = open.map(patternOf);
  return (path) => patterns.some((pattern) => pattern.test(path));
}

/** The paths on the wire that a route's path stands for, as express matches them. */
function patternOf(path: string): RegExp {
  return pathToRegexp(path, { sensitive: true, trailing: false }).regexp;
}

function methodsByPath(mounts: readonly Mount[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const { route } of inOrder(mounts)) {
    const known = methods.get(route.path) ?? [];
    if (known.includes(route.method)) throw new Error(`two routes for ${route.method} ${route.path}`);
    methods.set(route.path, [...known, route.method]);
  }
  return methods;
}

/** CORS for origins allowed by name [Fetch 3.3]; true when this was a preflight, which is answered then. */
function allowOrigin(guard: Guard, request: Request, response: Answer): boolean {
  const { origin, 'access-control-request-method': method } = request.headers;
  response.setHeader('Vary', 'Origin');
  if (!guard.allows(origin)) return false;
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.setHeader('Access-Control-Expose-Headers', 'X-Request-ID, X-Trace-ID, Retry-After');
  if (request.method !== 'OPTIONS' || method === undefined) return false;
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST, PUT, PATCH, DELETE');
  response.setHeader(
    'Access-Control-Allow-Headers',
    'Authorization, Content-Type, X-Request-ID, X-Trace-ID, traceparent',
  );
  response.setHeader('Access-Control-Max-Age', '600');
  if (request.headers['access-control-request-private-network'] !== undefined)
    response.setHeader('Access-Control-Allow-Private-Network', 'true');
  response.writeHead(204).end();
  return true;
}

async function readBody(
  request: Request,
  response: Answer,
  { body: schema, bodyMaxBytes = BODY_MAX_BYTES, bodyLenient }: Route,
): Promise<{ value: unknown; ignored: string[] }> {
  if (!schema) return { value: undefined, ignored: [] };
  const read = await readerOf(schema);
  const reading = read(await readJson(request, response, bodyMaxBytes, bodyLenient));
  refuseFaults('body', reading.faults);
  return reading;
}

function badEscape(cause: URIError): AppError {
  return new AppError('invalid_request', 'The path holds a broken percent escape.', { cause });
}

function sendJson(response: Answer, value: unknown): void {
  if (response.statusCode === 204) {
    response.end();
    return;
  }
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(response.statusCode, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
  });
  response.end(body);
}
