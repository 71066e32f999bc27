import { STATUS_CODES, type IncomingHttpHeaders } from 'node:http';
import type { JsonObject } from '../common/json.ts';
import { OriginTurns } from '../common/origin-turns.ts';
import type { ToolResult } from '../core/message.ts';
import { failed, type CallContext, type Effect } from '../core/tool.ts';
import type { Egress } from './egress.ts';
import { bodyTextOf } from './http-body.ts';
import { exchangeOnce } from './http-exchange.ts';
import { isRedirect, nextPath, redirectOutcome, REDIRECTS_MAX_COUNT } from './http-redirect.ts';

/** One request, ready to be sent. */
export interface HttpRequest {
  /** Upper case. */
  method: string;
  /** `https://host:port`, without a path or user info. */
  origin: string;
  /** Path and query, percent-encoded, beginning with `/`. */
  path: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
  /** A `write` is sent at most once. */
  effect: Effect;
}

/** The answer, or the reason why there is none. `error` beside a status: the answer broke off, or is late. */
export interface HttpResponse {
  /** Missing when no answer came. */
  statusCode?: number;
  headers: IncomingHttpHeaders;
  /** The body's first bytes, at most the limit asked for. */
  bytes: Buffer;
  /** The size of the whole body; `atLeast` when it was not read to its end. */
  size: { bytes: number; atLeast: boolean };
  /** The path and the query that answered, when redirects led to it. */
  redirectedTo?: string;
  error?: { code: string; message: string; effect: 'none' | 'unknown' };
}

/**
 * Looks at the head of an answer, and may return a function that takes its bytes as they come, for answers that are streams. The
 * bytes are not kept then. `finish` says that the answer is complete, even if the server sends more.
 */
export type AnswerReader = (
  head: Pick<HttpResponse, 'headers'> & { statusCode: number },
) => ((chunk: Buffer, finish: () => void) => void) | undefined;

/** A picture or a sound up to this size is given to the receiver of parts. */
const PART_MAX_BYTES = 4 * 1024 * 1024;

/** The signal that may stop a request before it is sent, its time-out in ms, and the connection whose owner has a share of the calls. */
export type HttpContext = Pick<CallContext, 'signal' | 'timeoutMs' | 'mayLeave' | 'onPart' | 'onNotice'> &
  Partial<Pick<CallContext, 'connection'>>;

/**
 * Carries one HTTP request to a device.
 *
 * Contract:
 * - Both always resolve; a failure is in `error`. A request that `signal` aborts or the door refuses
 *   before its first byte left has `effect: "none"`. After that it may finish, up to its time-out.
 * - A write is sent at most once. A GET, HEAD or OPTIONS that only reads is sent again, once, when its connection breaks
 *   before any answer.
 * - `exchange` follows no redirect. The others follow a redirect of a GET or HEAD that only reads, at most 3 times, and
 *   never to another origin: the headers may hold credentials. Each step goes through the door out.
 */
export interface HttpDriver {
  /**
   * The answer to this one request as bytes; `maxBytes` of the body are kept. A `reader` may take the bytes as they come, up to
   * `maxBytes`.
   */
  exchange(
    request: HttpRequest,
    context: HttpContext,
    maxBytes?: number,
    reader?: AnswerReader,
  ): Promise<HttpResponse>;
  /** The answer at the end of the redirects, as bytes; `maxBytes` of the body are kept. */
  follow(request: HttpRequest, context: HttpContext, maxBytes?: number): Promise<HttpResponse>;
  /**
   * The answer as a tool's result: `{statusCode, body}`, with `contentType` unless it is JSON, with `error` from HTTP 400
   * on and for a redirect that was not followed.
   */
  send(request: HttpRequest, context: HttpContext): Promise<ToolResult>;
  /** An answer that is there already as a tool's result. */
  resultOf(request: HttpRequest, response: HttpResponse): ToolResult;
}

/** The things that the driver needs. */
interface HttpOptions {
  /** Each connection goes through it. */
  egress: Egress;
  /** A result's `body` is cut to this size, marker included. */
  resultMaxBytes: number;
}

/** An HTTP driver over the door out. */
export function createHttpDriver({ egress, resultMaxBytes }: HttpOptions): HttpDriver {
  const turns = new OriginTurns();

  async function exchange(
    request: HttpRequest,
    context: HttpContext,
    maxBytes: number,
    reader?: AnswerReader,
  ): Promise<HttpResponse> {
    const deadline = performance.now() + context.timeoutMs;
    const way = { dispatcher: egress.dispatcher, turns, maxBytes, reader };
    const first = await exchangeOnce(way, request, context);
    if (first.error?.code !== 'ECONNRESET' || first.statusCode !== undefined || !isRepeatable(request))
      return first;
    const timeoutMs = deadline - performance.now();
    return timeoutMs <= 0 ? first : exchangeOnce(way, request, { ...context, timeoutMs });
  }

  /** Sends the request, and again to each place on the same origin to which the answers redirect it. */
  async function follow(request: HttpRequest, context: HttpContext, maxBytes: number): Promise<HttpResponse> {
    const deadline = performance.now() + context.timeoutMs;
    let response = await exchange(request, context, maxBytes);
    for (let steps = 0; steps < REDIRECTS_MAX_COUNT; steps++) {
      const path = nextPath({ ...request, path: response.redirectedTo ?? request.path }, response);
      const timeoutMs = deadline - performance.now();
      if (path === undefined || timeoutMs <= 0) break;
      const next = await exchange({ ...request, path }, { ...context, timeoutMs }, maxBytes);
      response = { ...next, redirectedTo: path };
    }
    return response;
  }

  return {
    exchange: (request, context, maxBytes = resultMaxBytes, reader) =>
      exchange(request, context, maxBytes, reader),
    follow: (request, context, maxBytes = resultMaxBytes) => follow(request, context, maxBytes),
    async send(request, context) {
      const { onPart } = context;
      const keptBytes = onPart ? Math.max(resultMaxBytes, PART_MAX_BYTES) : resultMaxBytes;
      const response = await follow(request, context, keptBytes);
      const part = onPart && partOf(response);
      if (part) onPart(part);
      return resultOf(request, response, resultMaxBytes);
    },
    resultOf: (request, response) => resultOf(request, response, resultMaxBytes),
  };
}

/** A good answer that is a whole picture or sound, as MCP has it [MCP 2025-11-25, Tool Result]. */
function partOf({ statusCode = 0, headers, bytes, size }: HttpResponse): JsonObject | undefined {
  const [mimeType = ''] = (headers['content-type'] ?? '').toLowerCase().split(/\s*;/);
  const [, type] = /^(image|audio)\/(?!svg)/.exec(mimeType) ?? [];
  const isWhole = !size.atLeast && size.bytes === bytes.length && headers['content-encoding'] === undefined;
  if (type === undefined || statusCode >= 300 || bytes.length === 0 || !isWhole) return undefined;
  return { type, data: bytes.toString('base64'), mimeType };
}

function isRepeatable({ method, effect }: HttpRequest): boolean {
  return effect === 'read' && (method === 'GET' || method === 'HEAD' || method === 'OPTIONS');
}

/** An answer as a tool's result, its body cut to `maxBytes`. */
export function resultOf(request: HttpRequest, response: HttpResponse, maxBytes: number): ToolResult {
  const { statusCode, headers, error } = response;
  if (statusCode === undefined) {
    const { code, message, effect } = error ?? { code: 'EPROTO', message: 'No answer', effect: 'unknown' };
    return failed(code, message, effect);
  }
  const result: JsonObject = { statusCode, body: bodyTextOf(response, maxBytes) };
  const contentType = headers['content-type'];
  if (contentType !== undefined && !isJson(contentType)) result['contentType'] = contentType;
  if (isRedirect(statusCode) && headers.location !== undefined) result['location'] = headers.location;
  if (error !== undefined) return failed(error.code, error.message, error.effect, result);
  if (isRedirect(statusCode)) {
    const { message, effect } = redirectOutcome(request, response);
    return failed('redirected', message, effect, result);
  }
  if (statusCode < 400) return result;
  const reason = STATUS_CODES[statusCode];
  const message = `The device answered HTTP ${statusCode}${reason === undefined ? '' : ` ${reason}`}`;
  // 4xx says that the request was refused; after 5xx a write may have happened [RFC 9110 15.5, 15.6].
  const effect = statusCode >= 500 && request.effect === 'write' ? 'unknown' : 'none';
  return failed(`HTTP_${statusCode}`, message, effect, result);
}

function isJson(contentType: string): boolean {
  return /^application\/(?:[\w.+-]+\+)?json\b/i.test(contentType);
}
