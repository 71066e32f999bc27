import type { IncomingMessage, ServerResponse } from 'node:http';
import type { XStatic } from 'typebox/schema';
import type { Action } from '../accounts/permissions.ts';
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
  /** The client's IP address, and its User-Agent header. */
  readonly client: { address: string; agent: string | undefined };
  /** How the client names this server, e.g. `https://agent.example`: PUBLIC_URL, or the host that it asked for. */
  readonly origin: string;
  /** JSON pointers of the fields that the schema does not know. They are not in `body`; a line in the log may name them. */
  readonly ignored: readonly string[];
  /** A log that adds the request's id to each line. */
  readonly log: Log;
}

/** A JSON Schema, written `as const`. It checks values, gives the handler its types, and describes the route. */
export type RouteSchema = JsonObject | Readonly<Record<string, unknown>>;

/** One HTTP call of a dialect. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/api/history`; a segment `:name` is a parameter, a last one `*name` all that is left. */
  readonly path: string;
  readonly summary: string;
  /** `open`: without a principal, too; else the action that the principal must be allowed (accounts/permissions.ts). */
  readonly access: 'open' | Action;
  /** The parameter of the path that names the app of the call: a key may be for one app. */
  readonly app?: string;
  /** A one-use ticket in the query names the caller, too: an EventSource cannot send a token. */
  readonly ticket?: true;
  /** Links of other sites may lead here: a page, or a step on the way to one. */
  readonly entrance?: true;
  /**
   * A GET that changes something, or uses a code that works only once: HEAD is refused. `for programs`: browsers are refused, too,
   * because any page can make a browser send a GET.
   */
  readonly changes?: 'for programs' | 'for all';
  readonly query?: RouteSchema;
  readonly body?: RouteSchema;
  readonly bodyMaxBytes?: number;
  /**
   * Its answer is kept for a request that is repeated because the answer was lost (repeats.ts): it can start work, with any body or with
   * some, or it ends something that is there once.
   */
  readonly keepsAnswer?: true | ((body: unknown) => boolean);
  /**
   * What the work starts from, where clients send the same body again and again and mean something new each time. A repeat that is only
   * counted is one of a request that started from the same.
   */
  startsFrom?(call: Call): Promise<string>;
  /** It stops tasks or devices: no budget keeps anybody from it. */
  readonly stops?: true;
  /** Open pages ask it again and again: the log line of an answer is for debugging only. */
  readonly polled?: true;
  /** A missing body is an empty object, and a body of any Content-Type counts as JSON: `curl -d` sends a form's. */
  readonly bodyLenient?: true;
  /**
   * The fields of the body whose whole numbers keep their digits: as bigints where they must. They are named, at any depth; or they are
   * the fields that the schema does not name (`unnamed`), which are on their way to somebody else. A large body with such a number is
   * refused, or (`unnamed if small`, for bodies with documents, whose bounds of 64 bits nobody sends back) its numbers are rounded.
   */
  readonly exactFields?: ExactFields;
  /**
   * Fields of the body, at any depth, whose long texts and objects stay texts, each as a LongTextValue: a document is not parsed twice. An
   * object is its JSON text.
   */
  readonly fieldsInPieces?: readonly string[];
  /** The fields of a form that the handler reads from the raw request: a multipart form where one is a file, else an URL-encoded one. */
  readonly form?: Readonly<Record<string, FormField>>;
  readonly answer?: RouteSchema;
  /** The status of a success; 200 when missing. With 204 there is no body. */
  readonly status?: number;
  /**
   * Returns the JSON value of the answer, a long list in portions as an AsyncIterable, or undefined when it wrote the response itself.
   * Throws AppErrors.
   */
  handle(call: Call): unknown;
}

/** See `Route.exactFields`. */
export type ExactFields = readonly string[] | 'unnamed' | 'unnamed if small';

/** A route whose path parameters, query and body have the types of its path and schemas. */
export function route<
  const Path extends string,
  const Query extends RouteSchema,
  const Body extends RouteSchema,
>(
  definition: Omit<Route, 'path' | 'query' | 'body' | 'handle' | 'startsFrom'> & {
    path: Path;
    query?: Query;
    body?: Body;
    startsFrom?(call: Call<XStatic<Query>, XStatic<Body>, PathParams<Path>>): Promise<string>;
    handle(call: Call<XStatic<Query>, XStatic<Body>, PathParams<Path>>): unknown;
  },
): Route {
  return definition;
}

/** An error in the shape of a dialect. The server adds its own headers. */
export interface FormattedError {
  /** Instead of the status that belongs to the error's code. */
  status?: number;
  contentType: string;
  /** Headers beside those that belong to the error's code. */
  headers?: Readonly<Record<string, string>>;
  body: string;
}

/** A field of a form. A text that a request may leave out has no example. */
export type FormField = 'file' | 'text' | { readonly example: string };

/**
 * The routes and sockets of one dialect.
 *
 * Contract: nothing here keeps the state of a session, and many requests may use it at a time. Connections may be kept.
 */
export interface Mount {
  readonly name: string;
  /** Path prefixes whose errors this dialect formats, unknown paths included; the longest match wins. */
  readonly prefixes: readonly string[];
  readonly routes: readonly Route[];
  readonly sockets: readonly SocketRoute[];
  /** The Content-Type of answers in JSON; `application/json` when missing. */
  readonly contentType?: string;
  /** The principal of a caller without a token; undefined: a token is needed. */
  readonly anonymous: Principal | undefined;
  /** The answer to an error below one of the prefixes. `origin` is how the client names this server; empty where that is unknown. */
  formatError(error: AppError, origin: string): FormattedError;
  /** Answers a browser at an address where no mount has a route, with the status 404. The first mount that has it does. */
  sendMissingPage?(response: ServerResponse, detail: string): Promise<void>;
  /** Ends the connections that the dialect keeps, when the server goes away. */
  close?(): Promise<void>;
}

/** The dialect with the longest prefix of a path; undefined when none has one. */
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
