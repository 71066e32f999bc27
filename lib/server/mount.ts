import type { IncomingMessage, ServerResponse } from 'node:http';
import type { XStatic } from 'typebox/schema';
import type { JsonObject } from '../common/json.ts';
import type { Principal } from '../core/principal.ts';
import type { AppError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { SocketRoute } from './socket.ts';

/** One request on its way through: what was checked, and the raw pair for what is not JSON. */
export interface Call<Query = unknown, Body = unknown> {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly caller: Principal;
  /** Where the request comes from, and what it says of the program that makes it. */
  readonly client: { address: string; agent: string | undefined };
  /** How the client names this server, e.g. `https://agent.example`: PUBLIC_URL, or the host that was asked for. */
  readonly origin: string;
  /** Fields of the body that its schema does not know, by JSON pointer: they are not in `body`, and worth a line in the log. */
  readonly ignored: readonly string[];
  /** A log whose lines carry the request's id. */
  readonly log: Log;
}

/** A JSON Schema written `as const`: what is validated, what the handler's types come from, and what documents the route. */
export type RouteSchema = JsonObject | Readonly<Record<string, unknown>>;

/** One HTTP call of a dialect. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/api/history`; a segment `:name` is a parameter, a last one `*name` all that is left. */
  readonly path: string;
  readonly summary: string;
  /** `open`: anybody; `caller`: only with a principal. */
  readonly access: 'open' | 'caller';
  /** Links of other sites may lead here: a page, or a step on the way to one. */
  readonly entrance?: true;
  readonly query?: RouteSchema;
  readonly body?: RouteSchema;
  readonly bodyMaxBytes?: number;
  /** The body may be missing (it counts as an empty object), and is JSON whatever its Content-Type says: `curl -d` says it is a form. */
  readonly bodyLenient?: true;
  /** The parts of a multipart form, where the handler reads one from the raw request. */
  readonly form?: Readonly<Record<string, 'file' | 'text'>>;
  readonly answer?: RouteSchema;
  /** Of a success; 200. With 204 there is no body. */
  readonly status?: number;
  /** The answer's JSON value; undefined when the response was written by hand. Throws AppErrors. */
  handle(call: Call): unknown;
}

/** A route whose query and body have the types of their schemas. */
export function route<const Q extends RouteSchema, const B extends RouteSchema>(
  definition: Omit<Route, 'query' | 'body' | 'handle'> & {
    query?: Q;
    body?: B;
    handle(call: Call<XStatic<Q>, XStatic<B>>): unknown;
  },
): Route {
  return definition;
}

/** An error in a dialect's shape; the headers are the server's. */
export interface FormattedError {
  /** Instead of the status that belongs to the error's code. */
  status?: number;
  contentType: string;
  body: string;
}

/**
 * What a dialect puts on the server.
 *
 * Contract: nothing here holds state of a session; all of it may be called for many requests at once.
 */
export interface Mount {
  readonly name: string;
  /** Path prefixes whose errors this dialect formats, unknown paths included; the longest match wins. */
  readonly prefixes: readonly string[];
  readonly routes: readonly Route[];
  readonly sockets: readonly SocketRoute[];
  /** Who calls without a token; undefined: nobody may. */
  readonly anonymous: Principal | undefined;
  formatError(error: AppError): FormattedError;
}

/** The dialect that lives at a path, by the longest of its prefixes; undefined where none does. */
export function mountAt(mounts: readonly Mount[], path: string): Mount | undefined {
  let found: Mount | undefined;
  let longest = -1;
  for (const mount of mounts)
    for (const prefix of mount.prefixes) {
      if (prefix.length <= longest || !(path === prefix || path.startsWith(prefix.replace(/\/?$/, '/'))))
        continue;
      found = mount;
      longest = prefix.length;
    }
  return found;
}
