import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { Access } from '../accounts/access.ts';
import { anonymous } from '../accounts/access.ts';
import type { FirstRequests } from '../accounts/first-requests.ts';
import { requirePermission } from '../accounts/permissions.ts';
import { AppError } from '../errors.ts';
import type { Log } from '../log.ts';
import { readJson, type BodyOptions } from './body.ts';
import type { BodyRoom } from './body-room.ts';
import { budgetKeyOf, openRequest, spend, type Budget } from './budget.ts';
import { allowOrigin } from './cors.ts';
import type { Forwarded } from './forwarded.ts';
import { checkChange, type Guard } from './guard.ts';
import {
  asksForPage,
  bearerOf,
  identify,
  readQuery,
  refuseFaults,
  requestIdOf,
  targetOf,
  traceIdOf,
} from './intake.ts';
import { mountAt, type Call, type Mount, type Route } from './mount.ts';
import { formatProblem } from './problem.ts';
import { Repeats } from './repeats.ts';
import { RequestTurns } from './request-turns.ts';
import { createRouteTable, type MountedRoute, type RouteTable } from './route-table.ts';
import { sendJson, sendJsonList } from './send-json.ts';
import type { Tally } from './tally.ts';
import { noteWhenClosed, type Trail } from './trail.ts';
import type { TrafficObserver } from './traffic.ts';
import { errorHeaders, statusOf, toAppError } from './status.ts';
import { readerOf } from './validate.ts';
import { withFields } from './with-fields.ts';

const BODY_MAX_BYTES = 1024 * 1024;

/** The parts that HTTP requests and upgrades share. */
export interface WebOptions {
  mounts: readonly Mount[];
  guard: Guard;
  forwarded: (request: IncomingMessage) => Forwarded;
  access: Access;
  firstRequests: FirstRequests;
  log: Log;
  /** Whether the server is going down: then each new call gets 503. */
  draining: () => boolean;
  /** Rejects while something that every call needs is down; `/readyz` asks it. */
  ready: () => Promise<void>;
  /** PUBLIC_URL. */
  publicUrl: string | undefined;
  /** How long the body of a request may take to arrive, in ms. */
  bodyTimeoutMs: number;
  /** The memory for large bodies. */
  bodies: BodyRoom;
  traffic: TrafficObserver;
  /** The budget of requests of each caller. */
  budget: Budget;
  /** Counts the requests of each caller whose answers are not over. */
  requestTally: Tally;
  /** Counts the open WebSockets of each caller. */
  socketTally: Tally;
}

type Answer = Response<unknown, Trail>;

/**
 * Answers every HTTP request, on express. Its steps: id, guard, CORS, health, route, caller, query, body, answer. There is
 * one place for errors, and one log line for a request. Routes are data (mount.ts): none can forget its caller, its limit
 * or its error shape. Throws on two routes of one method and path.
 */
export function createWeb(options: WebOptions): RequestListener {
  const web = new Web(options);
  const turns = new RequestTurns({
    stops: (request) => web.stops(request),
    begin: (request, response) => web.answer(request, response),
    refuse: (response, error) => web.refuse(response, error),
  });
  return (request, response) => turns.take(request, response);
}

class Web {
  readonly #options: WebOptions;
  readonly #repeats: Repeats;
  readonly #routes: RouteTable;
  readonly #app: Express;

  constructor(options: WebOptions) {
    this.#options = options;
    this.#repeats = new Repeats(options.firstRequests);
    this.#routes = createRouteTable(options.mounts);
    this.#app = this.#createApp();
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    try {
      targetOf(request); // express would answer a broken target by itself, past the one place for errors
    } catch (error) {
      this.refuse(response, toAppError(error));
      return;
    }
    this.#app(request, response);
  }

  /** Whether a request stops something. */
  stops(request: IncomingMessage): boolean {
    try {
      return this.#routes.isStop(request.method ?? '', targetOf(request).path);
    } catch {
      return false; // a broken target
    }
  }

  /** Answers a request that is not looked at further. */
  refuse(response: ServerResponse, error: AppError): void {
    this.#fail(response, { path: '', origin: '', log: this.#options.log }, error);
  }

  #createApp(): Express {
    const app = express();
    app.disable('x-powered-by').disable('etag').disable('query parser');
    app.enable('case sensitive routing'); // a final slash is the same path, as clients of FastAPI expect
    app.use((request: Request, response: Answer, next: NextFunction) => this.#begin(request, response, next));
    app.get('/healthz', (_request: Request, response: Answer) => sendJson(response, { status: 'ok' }));
    app.get('/readyz', (_request: Request, response: Answer) => this.#sayReady(response));
    app.use((_request, _response, next) => {
      if (this.#options.draining()) throw new AppError('unavailable', 'The server is going down; try again.');
      next();
    });
    for (const mounted of this.#routes.all) {
      const method = mounted.route.method.toLowerCase() as Lowercase<Route['method']>;
      app[method](mounted.route.path, (request: Request, response: Answer) =>
        this.#callRoute(mounted, request, response),
      );
    }
    app.use((request: Request, response: Answer) => this.#missRoute(request, response));
    app.use((thrown: unknown, _request: Request, response: Answer, _next: NextFunction) => {
      const error = thrown instanceof URIError ? badEscape(thrown) : toAppError(thrown);
      this.#fail(response, response.locals, error);
    });
    return app;
  }

  /** The first step: ids, headers that every answer has, the log line, and the checks that need no route. */
  #begin(request: Request, response: Answer, next: NextFunction): void {
    const { guard, forwarded, draining, publicUrl, log, traffic } = this.#options;
    const observed = traffic.request(request);
    const [requestId, traceId] = [requestIdOf(request), traceIdOf(request)];
    const { address, host } = forwarded(request);
    const trail = Object.assign(response.locals, {
      log: withFields(log, { request_id: requestId, trace_id: traceId }),
      path: '',
      line: { client_ip: address, method: request.method },
      address,
      origin: publicUrl ?? `http://${host ?? 'localhost'}`,
    });
    response.setHeader('X-Request-ID', requestId);
    response.setHeader('X-Trace-ID', traceId);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cache-Control', 'no-store');
    if (draining()) response.setHeader('Connection', 'close');
    noteWhenClosed(request, response, observed);
    Object.assign(trail, targetOf(request));
    guard.check(request, host, this.#routes.isEntrance(request, trail.path));
    if (!allowOrigin(guard, request, response)) observed.within(next);
  }

  async #sayReady(response: Answer): Promise<void> {
    if (this.#options.draining()) throw new AppError('unavailable', 'The server is going down.');
    await this.#options.ready();
    await sendJson(response, { status: 'ready' });
  }

  async #callRoute({ mount, route }: MountedRoute, request: Request, response: Answer): Promise<void> {
    const { access, budget, bodies, bodyTimeoutMs: timeoutMs } = this.#options;
    const { log, search, line, address, path, origin } = response.locals;
    response.locals.isPolled = route.polled === true;
    if (route.method === 'GET' && route.changes) checkChange(request, route.changes);
    const caller =
      route.access === 'open'
        ? anonymous
        : await identify(this.#options, mount, {
            token: bearerOf(request),
            ticket: route.ticket && (search.get('ticket') ?? undefined),
            address,
          });
    line.user_id = caller.id;
    try {
      if (!route.stops) openRequest(this.#options, budgetKeyOf(caller, address), response);
      if (route.access !== 'open')
        requirePermission(caller, route.access, route.app && String(request.params[route.app]));
      const query = await readQuery(search, route.query);
      const share = bodies.open(budgetKeyOf(caller, address), response);
      const { value: body, ignored } = await readBody(request, response, route, { timeoutMs, share });
      if (Array.isArray(body)) spend(budget, budgetKeyOf(caller, address), body.length - 1); // each message of a list is a request; one is counted already
      if (route.status !== undefined) response.statusCode = route.status;
      const client = { address, agent: request.headers['user-agent'] };
      const checked = { params: request.params, query, body, caller, client, origin, ignored, log };
      const call = { request, response, ...checked };
      const work = async (): Promise<void> => {
        const value = await route.handle(call);
        if (isPortions(value)) await sendJsonList(response, value, mount.contentType);
        else if (value !== undefined) await sendJson(response, value, mount.contentType);
      };
      await (isAnswerKept(route, body) ? this.#startOnce(route, call, response, work) : work());
    } catch (error) {
      if (error instanceof AppError && error.code === 'forbidden')
        access.refused(caller, { dialect: mount.name, address }, path);
      throw error;
    }
  }

  /** Does the work of a request, unless the request repeats an earlier one. */
  #startOnce(
    { method, path, startsFrom }: Route,
    call: Call,
    response: Answer,
    work: () => Promise<void>,
  ): Promise<void> {
    const { request, caller, body } = call;
    const { path: place, search } = response.locals;
    const asked = {
      request,
      response,
      caller: caller.id,
      route: `${method} ${path}`,
      target: `${place}?${search.toString()}`,
      body,
      startsFrom: startsFrom && (() => startsFrom(call)),
    };
    return this.#repeats.answer(asked, work);
  }

  /** Answers at an address where no route is: a page to a person, an error to a program. */
  async #missRoute(request: Request, response: Answer): Promise<void> {
    const { path } = response.locals;
    const known = this.#routes.methodsAt(path);
    const detail =
      known.length === 0
        ? `There is nothing at ${path}.`
        : `There is no ${request.method} at ${path}, only ${known.join(', ')}.`;
    const mount = asksForPage(request) && this.#options.mounts.find(({ sendMissingPage }) => sendMissingPage);
    if (!mount) throw new AppError('not_found', detail);
    await mount.sendMissingPage?.(response, detail);
  }

  /** The one place for errors: logs those that are the server's fault, and answers in the shape of the dialect. */
  #fail(
    response: ServerResponse,
    { path, origin, log }: Pick<Trail, 'path' | 'origin' | 'log'>,
    error: AppError,
  ): void {
    const usual = statusOf(error.code);
    if (usual >= 500 && error.code !== 'unavailable') log.error({ err: error, path }, error.message);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const formatted = mountAt(this.#options.mounts, path)?.formatError(error, origin) ?? formatProblem(error);
    const { contentType, body, status = usual } = formatted;
    const headers = { ...errorHeaders(error), ...formatted.headers, 'Content-Type': contentType };
    // The rest of a slow request is not awaited.
    if (error.code === 'request_timeout') response.once('finish', () => response.req.socket.destroySoon());
    response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) }).end(body);
  }
}

async function readBody(
  request: Request,
  response: Answer,
  { body: schema, bodyMaxBytes: maxBytes = BODY_MAX_BYTES, bodyLenient: isLenient, ...how }: Route,
  more: Pick<BodyOptions, 'timeoutMs' | 'share'>,
): Promise<{ value: unknown; ignored: string[] }> {
  if (!schema) return { value: undefined, ignored: [] };
  const read = await readerOf(schema);
  const { exactFields, fieldsInPieces } = how;
  const options = { ...more, maxBytes, isLenient, exactFields, fieldsInPieces };
  const { value, hasBigints } = await readJson(request, response, options);
  const reading = read(value, hasBigints ? exactFields : undefined);
  refuseFaults('body', reading.faults);
  return reading;
}

function badEscape(cause: URIError): AppError {
  return new AppError('invalid_request', 'The path has a broken percent escape.', { cause });
}

/** Whether the answer to a request with this body is kept for a repeat. */
function isAnswerKept({ keepsAnswer: keeps }: Route, body: unknown): boolean {
  return typeof keeps === 'function' ? keeps(body) : keeps === true;
}

function isPortions(value: unknown): value is AsyncIterable<readonly unknown[]> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
