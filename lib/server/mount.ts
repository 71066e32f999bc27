import type { IncomingMessage, ServerResponse } from 'node:http';
import type { XStatic } from 'typebox/schema';
import type { JsonObject } from '../common/json.ts';
import type { Principal } from '../core/principal.ts';
import type { AppError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { SocketRoute } from './socket.ts';

/** The parameters of a route's path by name: a text for a `:name`, the remaining segments for a `*name`. */
export type PathParams<Path extends string> = string extends Path
  ? Readonly<Record<string, string>>
  : Path extends `${infer First}/${infer Rest}`
    ? PathParams<First> & PathParams<Rest>
    : Path extends `:${infer Name}`
      ? { readonly [Key in Name]: string }
      : Path extends `*${infer Name}`
        ? { readonly [Key in Name]: readonly string[] }
        : unknown;

/** One checked request, with the raw request and response for a body or an answer that is not JSON. */
export interface Call<Query = unknown, Body = unknown, Params = unknown> {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The parameters of the path, decoded. */
  readonly params: Params;
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

/** A route whose path parameters, query and body have the types of its path and schemas. */
export function route<
  const Path extends string,
  const Query extends RouteSchema,
  const Body extends RouteSchema,
>(
  definition: Omit<Route, 'path' | 'query' | 'body' | 'handle'> & {
    path: Path;
    query?: Query;
    body?: Body;
    handle(call: Call<XStatic<Query>, XStatic<Body>, PathParams<Path>>): unknown;
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
