import type { JsonObject, JsonValue } from '../../common/json.ts';
import type { CallContext, Effect } from '../../core/tool.ts';
import type { HttpContext } from '../http.ts';

/** A request of ours, before it has an id. */
export interface McpRequest {
  method: string;
  params: JsonObject;
  /** A `write` is sent at most once. */
  effect: Effect;
  /** A longer answer is read no further; `MESSAGE_MAX_BYTES` when missing. */
  maxBytes?: number;
  /** Receives the notices of the server about this request, until it is answered. */
  onNotice?: CallContext['onNotice'];
}

/** Why there is no answer. `effect` is "none" when the server surely did not take the request. */
export interface LinkFailure {
  code: string;
  message: string;
  effect: 'none' | 'unknown';
}

/** The answer of the server, its own error [JSON-RPC 2.0 5.1], or the reason why there is none. */
export type McpAnswer = { result: JsonObject } | { error: JsonObject } | { failure: LinkFailure };

/** Receives the requests and notifications of the server. A request gets the returned answer. */
export type OnServerMessage = (message: JsonObject) => void;

/**
 * The way to one MCP server, over HTTP or to a process.
 *
 * Contract:
 * - `request` always resolves, within its time-out, and sends its request at most once. A request that the signal aborts before its
 *   first byte left has the effect "none".
 * - A link that is over takes no more requests: another one must be opened.
 */
export interface McpLink {
  readonly isOver: boolean;
  request(request: McpRequest, context: HttpContext): Promise<McpAnswer>;
  /** Sends a message that gets no answer. Never rejects: a server that misses it shows that with the next request. */
  tell(message: JsonObject): Promise<void>;
  /** The version of the protocol on which both sides agreed; the server may speak by itself from now on. */
  begin(protocolVersion: string, hears: boolean): void;
  /** Whether the server can tell at any time that its tools have changed. */
  readonly isListening: boolean;
  /** Ends the link, and resolves when nothing of it is left. Never rejects. */
  close(): Promise<void>;
}

/** An answer is at most this long. Longer ones are read no further. */
export const MESSAGE_MAX_BYTES = 4 * 1024 * 1024;
/** The code of a failure because the server does not know the session any more. It took no request. */
export const SESSION_LOST_CODE = 'session_lost';

/** A message that was answered with a result or an error for this id; undefined for any other message. */
export function answerIn(message: JsonObject, id: number): McpAnswer | undefined {
  const { id: answered, result, error } = message;
  if ('method' in message) return undefined;
  const isOurs = answered === id || answered === String(id);
  // An error about a request that could not be read has no id [JSON-RPC 2.0 5].
  if (isPlainObject(error) && (isOurs || answered === null || answered === undefined)) return { error };
  if (!isOurs) return undefined;
  return isPlainObject(result) ? { result } : undefined;
}

function isPlainObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The failure of a request that got no answer. */
export function lost({ effect }: Pick<McpRequest, 'effect'>, code: string, message: string): McpAnswer {
  return { failure: { code, message, effect: effect === 'write' ? 'unknown' : 'none' } };
}

/** The failure of a request that the server surely did not take. */
export function notTaken(code: string, message: string): McpAnswer {
  return { failure: { code, message, effect: 'none' } };
}
