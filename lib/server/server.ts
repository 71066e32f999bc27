import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Access } from '../accounts/access.ts';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { createForwarded } from './forwarded.ts';
import { createGuard } from './guard.ts';
import type { Log } from '../log.ts';
import type { Mount } from './mount.ts';
import { openSockets } from './sockets.ts';
import { refuse } from './refuse.ts';
import { createUpgrade } from './upgrade.ts';
import { createWeb, type WebOptions } from './web.ts';

/** How long a request may take to arrive: its headers, and all of it (64 MiB over a slow line). */
const arrival = { headers: 15_000, request: 120_000 };

export interface ServerOptions {
  config: Pick<
    Config,
    'host' | 'port' | 'loopback' | 'allowedOrigins' | 'publicUrl' | 'trustedProxies' | 'limits'
  >;
  mounts: readonly Mount[];
  access: Access;
  log: Log;
  /** Rejects while something that every call needs is down. */
  ready?: () => Promise<void>;
  /** Instead of 15 seconds for the headers of a request, and two minutes for all of it. */
  arrivalMs?: { headers: number; request: number };
}

/** A listening server. */
export interface OpenServer {
  /** `http://<host>:<port>`, without a path. */
  readonly url: string;
  readonly port: number;
  /** From now on every call and upgrade gets a 503; what runs goes on, and sockets stay. */
  drain(): void;
  /** Drains, closes the sockets with 1012, and waits for running requests, at most `shutdownTimeoutMs`. */
  close(): Promise<void>;
}

/** Listens, with everything the dialects mount. Rejects with `unavailable` when the address cannot be had. */
export async function openServer(options: ServerOptions): Promise<OpenServer> {
  const { config, mounts, access, log, ready = async () => {}, arrivalMs = arrival } = options;
  let draining = false;
  const shared: WebOptions = {
    mounts,
    guard: createGuard(config),
    forwarded: createForwarded(config.trustedProxies),
    access,
    log,
    draining: () => draining,
    ready,
    publicUrl: config.publicUrl,
  };
  const web = createWeb(shared);
  const sockets = openSockets({ limits: config.limits, log });
  const server = createServer(
    {
      headersTimeout: arrivalMs.headers,
      requestTimeout: arrivalMs.request,
      connectionsCheckingInterval: Math.min(2000, arrivalMs.headers),
    },
    web,
  );
  // The listener itself asks for the body once it wants it.
  server.on('checkContinue', web);
  server.on('upgrade', createUpgrade(shared, sockets));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    log.debug({ err: error }, 'a request that is not HTTP');
    if (socket.writable) refuse(socket, ...clientFault(error));
    else socket.destroy();
  });
  const port = await listen(server, config.host, config.port).catch(async (error: unknown) => {
    await sockets.close();
    throw error;
  });
  server.on('error', (error) => log.error({ err: error }, 'a connection could not be accepted'));

  return {
    url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
    port,
    drain() {
      draining = true;
    },
    async close() {
      draining = true;
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), config.limits.shutdownTimeoutMs);
      await Promise.all([closed, sockets.close()]);
      clearTimeout(cut);
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException) => {
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

/** What was wrong with bytes that never became a request, and its status [RFC 9110 15.5, RFC 6585 5]. */
function clientFault(error: NodeJS.ErrnoException): [AppError, number] {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return [new AppError('timeout', 'The request took too long to arrive.'), 408];
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return [new AppError('too_large', 'The headers are too large.'), 431];
  return [new AppError('invalid_request', 'This is not an HTTP request.'), 400];
}
