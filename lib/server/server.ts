import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Access } from '../accounts/access.ts';
import type { FirstRequests } from '../accounts/first-requests.ts';
import { clientPlaceOf, createAddressSet, plainAddress } from '../common/addresses.ts';
import { systemClock } from '../common/clock.ts';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import type { Log } from '../log.ts';
import { createForwarded } from './forwarded.ts';
import { createGuard } from './guard.ts';
import type { Mount } from './mount.ts';
import { OfferedRequest } from './offered-request.ts';
import { refuse } from './refuse.ts';
import { openSockets, type Sockets } from './sockets.ts';
import { BodyRoom } from './body-room.ts';
import { createBudget } from './budget.ts';
import { createTally } from './tally.ts';
import { unobservedTraffic, type TrafficObserver } from './traffic.ts';
import { createUpgrade } from './upgrade.ts';
import { createWeb, type WebOptions } from './web.ts';

/** How long a request may take to arrive, in ms: its headers, and all of it (64 MiB over a slow line). */
const ARRIVAL_MS = { headers: 15_000, request: 120_000 };
/** The longest pause between two looks for connections that take too long, in ms. */
const LOOK_EVERY_MAX_MS = 2000;

/** Where the server listens, its dialects, and its limits. */
export interface ServerOptions {
  config: Pick<
    Config,
    'host' | 'port' | 'loopback' | 'allowedOrigins' | 'publicUrl' | 'trustedProxies' | 'limits'
  >;
  mounts: readonly Mount[];
  access: Access;
  firstRequests: FirstRequests;
  log: Log;
  /** Rejects while something that every call needs is down. */
  ready?: () => Promise<void>;
  traffic?: TrafficObserver;
  /** Instead of 15 seconds for the headers of a request, and two minutes for all of it. */
  arrivalMs?: { headers: number; request: number };
}

/** A listening server. */
export interface OpenServer {
  /** `http://<host>:<port>`, without a path. */
  readonly url: string;
  readonly port: number;
  /** From now on each new call and upgrade gets a 503. Running calls go on, and sockets stay open. */
  drain(): void;
  /** Drains, closes the sockets with 1012, and waits for running calls, at most `shutdownTimeoutMs`. */
  close(): Promise<void>;
}

/** Listens, with everything that the dialects mount. Rejects with `unavailable` when the address cannot be used. */
export async function openServer(options: ServerOptions): Promise<OpenServer> {
  const server = new HttpServer(options);
  await server.listen();
  return server;
}

/** An HTTP server with its WebSockets. */
class HttpServer implements OpenServer {
  readonly #config: ServerOptions['config'];
  readonly #log: Log;
  readonly #server: Server;
  readonly #sockets: Sockets;
  readonly #mounts: readonly Mount[];
  #port = 0;
  #draining = false;

  constructor({
    config,
    mounts,
    access,
    firstRequests,
    log,
    ready = async () => {},
    traffic = unobservedTraffic,
    arrivalMs = ARRIVAL_MS,
  }: ServerOptions) {
    this.#config = config;
    this.#mounts = mounts;
    this.#log = log;
    const shared: WebOptions = {
      mounts,
      guard: createGuard(config),
      forwarded: createForwarded(config.trustedProxies),
      access,
      firstRequests,
      log,
      draining: () => this.#draining,
      ready,
      traffic,
      publicUrl: config.publicUrl,
      bodyTimeoutMs: config.limits.requestBodyTimeoutMs,
      bodies: new BodyRoom(config.limits.bodiesMaxBytes),
      budget: createBudget(config.limits.requestsPerMinuteMaxCount),
      requestTally: createTally(config.limits.openRequestsPerCallerMaxCount),
      socketTally: createTally(config.limits.socketsPerCallerMaxCount),
    };
    const web = createWeb(shared);
    const timeouts = {
      headersTimeout: arrivalMs.headers,
      requestTimeout: arrivalMs.request,
      connectionsCheckingInterval: Math.min(LOOK_EVERY_MAX_MS, arrivalMs.headers),
    };
    this.#sockets = openSockets({ limits: config.limits, log });
    traffic.countSockets(() => this.#sockets.count);
    this.#server = createServer({ ...timeouts, IncomingMessage: OfferedRequest });
    limitConnections(this.#server, config);
    // With its own listener for `Expect: 100-continue`, a route asks for the body when it wants it [RFC 9110 10.1.1].
    for (const event of ['request', 'checkContinue'])
      this.#server.on(event, (request: IncomingMessage, response: ServerResponse) => {
        // Node reads nothing more from a connection that was offered an upgrade.
        if (request.headers.upgrade !== undefined) response.shouldKeepAlive = false;
        return web(request, response);
      });
    this.#server.on('upgrade', createUpgrade(shared, this.#sockets));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      log.debug({ err: error }, 'a request that is not HTTP');
      if (socket.writable) refuse(socket, ...clientFault(error));
      else socket.destroy();
    });
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    const { host } = this.#config;
    return `http://${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  async listen(): Promise<void> {
    try {
      this.#port = await listenOn(this.#server, this.#config.host, this.#config.port);
    } catch (error) {
      await this.#sockets.close();
      throw error;
    }
    this.#server.on('error', (error) =>
      this.#log.error({ err: error }, 'a connection could not be accepted'),
    );
  }

  drain(): void {
    this.#draining = true;
  }

  async close(): Promise<void> {
    this.drain();
    const cutOff = (): void => this.#server.closeAllConnections();
    const cancel = systemClock.startTimer(this.#config.limits.shutdownTimeoutMs, cutOff);
    // First, so that the connections under their streams are idle when idle ones are closed.
    await Promise.all(this.#mounts.map(async (mount) => mount.close?.()));
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeIdleConnections();
    await Promise.all([closed, this.#sockets.close()]);
    cancel();
  }
}

/** Refuses a connection with 429 when its address has too many; proxies of our own bring many clients. */
function limitConnections(server: Server, { limits, trustedProxies }: ServerOptions['config']): void {
  const most = limits.connectionsPerAddressMaxCount;
  const tally = createTally(most);
  const trusted = createAddressSet(trustedProxies);
  server.prependListener('connection', (socket) => {
    const address = plainAddress(socket.remoteAddress ?? '');
    if (trusted.has(address)) return;
    const leave = tally(clientPlaceOf(address));
    if (leave) socket.once('close', leave);
    else {
      socket.on('error', () => undefined); // it may be gone already
      const text = `Your address has ${most} connections already (CONNECTIONS_PER_ADDRESS_MAX_COUNT).`;
      refuse(socket, new AppError('too_many_requests', text), 429);
    }
  });
}

/** Resolves with the port, which the operating system picks for port 0. */
function listenOn(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      const why = cause.code === 'EADDRINUSE' ? 'it is in use: set PORT to another' : cause.message;
      reject(new AppError('unavailable', `Cannot listen on ${host}:${port}: ${why}.`, { cause }));
    };
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** The error for bytes that never became a request, and its status [RFC 9110 15.5, RFC 6585 5]. */
function clientFault(error: NodeJS.ErrnoException): [AppError, number] {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return [new AppError('timeout', 'The request took too long to arrive.'), 408];
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return [new AppError('too_large', 'The headers are too large.'), 431];
  return [new AppError('invalid_request', 'This is not an HTTP request.'), 400];
}
