import { formatExactly } from '../common/exact-numbers.ts';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { ToolResult } from '../core/message.ts';
import { failed, type Effect } from '../core/tool.ts';
import { bodyTextOf } from './http-body.ts';
import { resultOf, type HttpContext, type HttpDriver, type HttpRequest, type HttpResponse } from './http.ts';

/** One JSON-RPC 2.0 call over HTTP. */
export interface JsonrpcCall {
  /** An http(s) URL without user info. */
  url: string;
  headers?: Record<string, string>;
  /** The method's name on the wire. */
  method: string;
  /** In order, or by name; left out when undefined. */
  params?: JsonValue[] | JsonObject;
  /** True when no answer is expected: the call is sent without an id. */
  notification?: boolean;
  effect: Effect;
}

/** An answer's result, or the tool result with the failure. */
type JsonrpcAnswer = { result: JsonValue } | { failure: ToolResult };

/**
 * Carries JSON-RPC 2.0 calls over HTTP POST.
 *
 * Contract:
 * - Both always resolve, within the call's time-out; each call is sent at most once. A call that `signal` aborts
 *   before its first byte left has `effect: "none"`. After that it may finish.
 * - An answer that is no JSON, belongs to another call, is a list, or has neither result nor error is an `error` with code
 *   `invalid_response`; the server's own error keeps its `code`, `message` and `data`.
 * - `effect` is "none" for a call that only reads, and for the codes after which nothing was executed (−32700, −32600, −32601, −32602).
 */
export interface JsonrpcDriver {
  /** The answer as a tool's result: `{statusCode, body}`, the body as it came and cut to the size limit, and `error`. */
  call(call: JsonrpcCall, context: HttpContext): Promise<ToolResult>;
  /** The answer's result alone, of at most `maxBytes`. */
  ask(call: JsonrpcCall, context: HttpContext, maxBytes: number): Promise<JsonrpcAnswer>;
}

/** The things that the driver needs. */
interface JsonrpcOptions {
  /** Carries the calls. */
  http: HttpDriver;
  /** A result's `body` is cut to this size, marker included. */
  resultMaxBytes: number;
}

/** The part of an answer that is searched for its error. A longer answer is cut and not searched. */
const ANSWER_MAX_BYTES = 8 * 1024 * 1024;
/** Codes that say the call was refused before it was executed [JSON-RPC 2.0 5.1]. */
const NOT_EXECUTED = new Set([-32700, -32600, -32601, -32602]);

/** A JSON-RPC driver over an HTTP driver. */
export function createJsonrpcDriver({ http, resultMaxBytes }: JsonrpcOptions): JsonrpcDriver {
  let lastId = 0;

  /** Sends it and looks inside the answer. */
  async function exchange(
    call: JsonrpcCall,
    context: HttpContext,
    maxBytes: number,
  ): Promise<{ request: HttpRequest; response: HttpResponse; verdict: Verdict }> {
    const id = call.notification === true ? undefined : ++lastId;
    const request = requestOf(call, id);
    const response = await http.exchange(request, context, maxBytes);
    return { request, response, verdict: verdictOf(response, id, maxBytes) };
  }

  return {
    async call(call, context) {
      const fault = urlFault(call.url);
      if (fault !== undefined) return failed('invalid_server', fault, 'none');
      const { request, response, verdict } = await exchange(call, context, ANSWER_MAX_BYTES);
      return toolResult(call, resultOf(request, response, resultMaxBytes), verdict);
    },
    async ask(call, context, maxBytes) {
      const fault = urlFault(call.url);
      if (fault !== undefined) return { failure: failed('invalid_server', fault, 'none') };
      const { request, response, verdict } = await exchange(call, context, maxBytes);
      if ('result' in verdict && response.error === undefined) return verdict;
      const failure = toolResult(call, resultOf(request, response, resultMaxBytes), verdict);
      if (failure['error'] !== undefined) return { failure };
      return { failure: failed('too_large', `The answer is longer than ${maxBytes} bytes`, 'none', failure) };
    },
  };
}

/** The verdict on an answer: a result, the server's error, no answer to this call, or not readable. */
type Verdict = { result: JsonValue } | { error: JsonObject } | { invalid: string } | { unread: true };

/** The HTTP request of a call; a notification has no id [JSON-RPC 2.0 4.1]. */
function requestOf(
  { url, headers, method, params, effect }: JsonrpcCall,
  id: number | undefined,
): HttpRequest {
  const { origin, pathname, search } = new URL(url);
  const message: JsonObject = {
    jsonrpc: '2.0',
    ...(id === undefined ? {} : { id }),
    method,
    ...(params === undefined ? {} : { params }),
  };
  return {
    method: 'POST',
    origin,
    path: pathname + search,
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: formatExactly(message),
    effect,
  };
}

/** The reason why a URL cannot be called; undefined for a good one. */
function urlFault(url: string): string | undefined {
  if (!URL.canParse(url)) return `"${url}" is no URL`;
  const { protocol, username, password } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') return `"${url}" is no http(s) URL`;
  if (username !== '' || password !== '')
    return 'A URL with user info is not used: give the key with the document';
  return undefined;
}

/** Looks inside an answer. */
function verdictOf(response: HttpResponse, id: number | undefined, maxBytes: number): Verdict {
  const { bytes, size, error } = response;
  if (error !== undefined || size.atLeast || size.bytes > bytes.length) return { unread: true };
  const text = bodyTextOf(response, maxBytes);
  if (text.trim() === '') return id === undefined ? { result: null } : { invalid: 'it is empty' };
  let answer: JsonValue;
  try {
    answer = JSON.parse(text) as JsonValue;
  } catch {
    return id === undefined ? { result: null } : { invalid: 'it is no JSON' };
  }
  if (Array.isArray(answer)) return { invalid: 'it is a list of answers (a batch), not one' };
  if (!isObject(answer)) return { invalid: 'it is no JSON object' };
  const { id: answered, result, error: fault } = answer;
  if (fault !== undefined && fault !== null) {
    // An error about a call that could not be read has a null id [JSON-RPC 2.0 5].
    if (answered !== undefined && answered !== null && !isSameId(answered, id)) return strange(answered, id);
    return {
      error: isObject(fault) ? fault : { message: typeof fault === 'string' ? fault : JSON.stringify(fault) },
    };
  }
  if (id === undefined) return { result: result ?? null };
  if (!isSameId(answered, id)) return strange(answered, id);
  return result === undefined ? { invalid: 'it has neither "result" nor "error"' } : { result };
}

/** Some servers answer a number's text. */
function isSameId(answered: JsonValue | undefined, id: number | undefined): boolean {
  return id !== undefined && (answered === id || answered === String(id));
}

function strange(answered: JsonValue | undefined, id: number | undefined): Verdict {
  const which = answered === undefined ? 'has no id' : `is for the id ${JSON.stringify(answered)}`;
  return { invalid: `it ${which}, the call ${id === undefined ? 'had none' : `had ${id}`}` };
}

/** The tool's result with the error of the verdict. */
function toolResult({ effect }: JsonrpcCall, result: ToolResult, verdict: Verdict): ToolResult {
  if ('error' in verdict) {
    const { code, message, data } = verdict.error;
    const refused = effect === 'read' || (typeof code === 'number' && NOT_EXECUTED.has(code));
    return {
      ...result,
      error: {
        code: typeof code === 'number' || typeof code === 'string' ? code : 'device_error',
        message: typeof message === 'string' ? message : 'The device answered with an error',
        ...(data === undefined ? {} : { data }),
        effect: refused ? 'none' : 'unknown',
      },
    };
  }
  // An HTTP error that is no JSON-RPC answer stays an HTTP error.
  if (!('invalid' in verdict) || result['error'] !== undefined) return result;
  const message = `The answer is no answer to this JSON-RPC call: ${verdict.invalid}`;
  return failed('invalid_response', message, effect === 'write' ? 'unknown' : 'none', result);
}
