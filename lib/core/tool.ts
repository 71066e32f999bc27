import type { JsonObject, JsonValue } from '../common/json.ts';
import type { Risk, ToolResult } from './message.ts';

/** A JSON Schema (the subset of draft 2020-12 that model APIs accept). */
export type JsonSchema = JsonObject;

/** Whether a call may change a device. A `write` is in the journal before it is sent, and is never sent twice. */
export type Effect = 'read' | 'write';

/** A secret for one security scheme of a document. It is never logged, and never shown to a model or a client. */
export type Credential =
  | string
  | { username: string; password: string }
  | { clientId: string; clientSecret: string };

/** One version of a device that the server knows. Rules, limits and the audit log name it. */
export interface RegisteredDevice {
  name: string;
  version: number;
}

/** A session's own data for one document: the address and the credentials. They are kept apart from the tools, which sessions share. */
export interface Connection {
  /** The base URL (or host:port) that replaces the document's own. */
  server?: string;
  /** The program that is the device, with its arguments, in the place of an address. Only the operator may name one. */
  command?: readonly string[];
  /** Variables of its environment. They may be secrets. */
  env?: Readonly<Record<string, string>>;
  /** The key of contract 1: `bearer` is sent after "Bearer ", `basic` after "Basic " (base64-encoded first when it holds a ":"). */
  apiKey?: { type: 'basic' | 'bearer'; apiKey: string };
  /** By name of the document's security scheme. */
  credentials?: Record<string, Credential>;
  /** Further origins that the credentials may go to, beside the device's own (`https://login.example`). */
  credentialOrigins?: readonly string[];
  /** The version of the device that the server knows, for tools of such a device. */
  registered?: RegisteredDevice;
  /** The id of the session's owner, for tools that work on the owner's own data, and for the owner's share of the calls to a device. */
  owner?: string;
}

/** A notice of a device about a call that is under way: its progress, or a line of the device's log [MCP 2025-11-25, Progress, Logging]. */
export type CallNotice =
  | { type: 'progress'; progress: number; total?: number; message?: string }
  | { type: 'log'; level: string; data: JsonValue };

/** The circumstances of one call. */
export interface CallContext {
  connection: Connection;
  /**
   * Cancels a call that has not been sent: its result is `error: {code: "cancelled", effect: "none"}`. A call whose first
   * byte has left goes on to its end.
   */
  signal: AbortSignal;
  /**
   * Makes a stop of the task wait for this work. A tool calls it from its listener of `signal` when something else must be
   * stopped before nothing new can be sent. Missing outside a session.
   */
  stopWaitsFor?: ((work: Promise<unknown>) => void) | undefined;
  /**
   * Asked right before the first byte of a write leaves: false when this node stood still for so long that it may have missed an
   * emergency stop or a takeover. The call is not sent then, and its effect is `none`. Missing for a read, and outside a session.
   */
  mayLeave?: (() => boolean) | undefined;
  /** The time until the call must have a result, waiting included, in ms. */
  timeoutMs: number;
  /**
   * Receives the pictures, sounds and embedded resources of the answer, as MCP has them [MCP 2025-11-25, Tool Result]. The result has
   * them in words. Missing where nobody wants them.
   */
  onPart?: ((part: JsonObject) => void) | undefined;
  /** Receives the notices of the device while the call is under way. Missing where nobody wants them. */
  onNotice?: ((notice: CallNotice) => void) | undefined;
  /** The call's own key: the same when the call is made again after a crash. Missing outside a session. */
  key?: string;
}

/**
 * One operation of a document, as a model may call it. It is immutable, and sessions share it.
 *
 * Contract:
 * - `name` matches ^[a-zA-Z0-9_-]{1,64}$ and is unique in its document; `description` has at most 1,024 characters.
 * - `parameters` is an object schema that model APIs accept. The arguments of `call` have been checked against it; a
 *   whole number that a JavaScript number cannot hold is a bigint in them.
 * - `call` resolves also when the device fails: with a result that has `error`. It rejects only for a bug of the server.
 * - `call` sends a write at most once, and never retries one.
 */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonSchema;
  /** The operation's name in the document: `GET /rooms/{id}`, or the name of a method or a function. */
  readonly operation: string;
  readonly effect: Effect;
  /** The shape of the answer inside a good result, as the document says it. Nothing is checked by it. Missing where it is not known. */
  readonly answer?: JsonSchema | undefined;
  /** Where in the device the value is, for people, where the operation does not say it: `unit 1, coils 4`. */
  readonly place?: string;
  /** Missing for `normal`. */
  readonly risk?: Risk | undefined;
  /**
   * The device that a call goes to: its address, such as `http://lamp:80` or a serial port. Calls to one device keep their order.
   * Missing, or undefined, for a tool that reaches no device.
   */
  device?(connection: Connection): string | undefined;
  /**
   * The arguments with the values that `call` adds to them, such as defaults. The log shows these arguments, and the device gets
   * them. A second completion changes nothing. Missing for a tool that adds nothing.
   */
  complete?(args: JsonObject): JsonObject;
  /**
   * What a call with these arguments would send, for people: method, URL, headers and body, or function code, address and frame.
   * Nothing is sent. It holds no secret of the document; the caller blots those of the connection. Missing for a tool that sends
   * nothing itself.
   */
  preview?(args: JsonObject, connection: Connection): JsonObject;
  call(args: JsonObject, context: CallContext): Promise<ToolResult>;
}

/** The result of a failed call. `effect` is "none" when the device is surely unchanged. `more` are further fields, such as `statusCode`. */
export function failed(
  code: string,
  message: string,
  effect: 'none' | 'unknown',
  more: JsonObject = {},
): ToolResult {
  return { ...more, error: { code, message, effect } };
}
