import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { clientPlaceOf } from '../common/addresses.ts';
import { faultsInWords } from '../common/faults-in-words.ts';
import type { Access } from '../accounts/access.ts';
import type { Principal } from '../core/principal.ts';
import { AppError, type Fault } from '../errors.ts';
import { spend, type Budget } from './budget.ts';
import type { Mount, RouteSchema } from './mount.ts';
import { readerOf } from './validate.ts';

/** The target of a request [RFC 9112 3.2], in its two parts. */
export interface RequestTarget {
  path: string;
  search: URLSearchParams;
}

/** Path and query of a request, in origin or absolute form [RFC 9112 3.2]. Throws `invalid_request`. */
export function targetOf(request: IncomingMessage): RequestTarget {
  const url = request.url ?? '/';
  const text = url.startsWith('/') ? `http://host${url}` : url;
  if (!URL.canParse(text))
    throw new AppError('invalid_request', 'The request target is not a path or a URL.');
  const mark = url.indexOf('?');
  const path = url.startsWith('/') ? url.slice(0, mark === -1 ? undefined : mark) : new URL(text).pathname;
  return { path, search: new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1)) };
}

/** The parameters of a query that its schema knows. Throws `invalid_request` with every fault by JSON pointer. */
export async function readQuery(
  search: URLSearchParams,
  schema: RouteSchema | undefined,
): Promise<Record<string, string>> {
  if (!schema) return {};
  // A schema that says how its other names look takes them all.
  const known = schema.additionalProperties
    ? [...new Set(search.keys())]
    : Object.keys(schema.properties as object);
  const names = known.filter((name) => search.has(name));
  const twice: Fault[] = names
    .filter((name) => search.getAll(name).length > 1)
    .map((name) => ({ pointer: `/${name}`, detail: 'is given more than once' }));
  const read = await readerOf(schema);
  const { value, faults } = read(Object.fromEntries(names.map((name) => [name, search.get(name)])));
  refuseFaults('query', [...twice, ...faults]);
  return value as Record<string, string>;
}

/** Throws `invalid_request` for a body or query with faults; the text names the first ones. */
export function refuseFaults(what: 'query' | 'body', faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  // Some shapes of errors have the text alone.
  const words = faultsInWords(faults, (pointer) => pointer || 'it');
  throw new AppError('invalid_request', `The ${what} is not valid: ${words}.`, { faults });
}

/** Whether a request is one of a person's browser for a page. */
export function asksForPage({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.accept?.includes('text/html') === true;
}

/** The proof of a caller's identity. */
export interface Credentials {
  /** A bearer token. */
  token: string | undefined;
  /** A ticket of `POST /api/ticket`, for a WebSocket. */
  ticket?: string | undefined;
  /** The caller's IP address. */
  address: string;
}

/**
 * The principal of a caller: that of its token or ticket, else the anonymous one of an open dialect. Throws `unauthorized`. Wrong
 * credentials of an address have a budget of their own, so that they keep nobody else out: when it is empty, `too_many_requests`.
 */
export async function identify(
  { access, budget }: { access: Access; budget: Budget },
  mount: Mount,
  credentials: Credentials,
): Promise<Principal> {
  try {
    return await principalOf(access, mount, credentials);
  } catch (error) {
    if (error instanceof AppError && error.code === 'unauthorized')
      spend(budget, `wrong ${clientPlaceOf(credentials.address)}`);
    throw error;
  }
}

async function principalOf(access: Access, mount: Mount, credentials: Credentials): Promise<Principal> {
  const where = { dialect: mount.name, address: credentials.address };
  if (mount.anonymous) {
    // An open dialect refuses nobody: a good token names its user, and a bad token is ignored.
    const known = credentials.token === undefined ? undefined : access.identify(credentials.token, where);
    return (await known?.catch(() => undefined)) ?? mount.anonymous;
  }
  if (credentials.token !== undefined) return access.identify(credentials.token, where);
  if (credentials.ticket !== undefined) return access.redeemTicket(credentials.ticket, where);
  throw new AppError('unauthorized', 'A token is needed: send "Authorization: Bearer <token>".');
}

/** The token of an Authorization header [RFC 6750 2.1]; undefined without one. Throws `unauthorized` for another scheme. */
export function bearerOf(request: IncomingMessage): string | undefined {
  const { authorization } = request.headers;
  if (authorization === undefined) return undefined;
  const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
  if (token === undefined)
    throw new AppError('unauthorized', 'The Authorization header must be "Bearer <token>".');
  return token;
}

/** The request id that the caller sends, if it is safe to log; else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

/**
 * The id of the trace that a request belongs to: `X-Trace-ID`, if it is safe to log, else the one in `traceparent`
 * [Trace Context 3.2], else a new one.
 */
export function traceIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-trace-id'];
  if (typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given)) return given;
  const parent = headers['traceparent'];
  const id =
    typeof parent === 'string' ? /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-/.exec(parent)?.[1] : undefined;
  return id !== undefined && !/^0+$/.test(id) ? id : randomUUID().replaceAll('-', '');
}
