import type { JsonObject } from '../common/json.ts';
import type { ToolResult } from './message.ts';

/** A JSON Schema (draft 2020-12 subset that model APIs accept). */
export type JsonSchema = JsonObject;

/** What a call may do to the world: `write` calls are journalled before they are sent and never sent twice. */
export type Effect = 'read' | 'write';

/** A secret for one security scheme of a document. Never shown to the model, never logged. */
export type Credential =
  | string
  | { username: string; password: string }
  | { clientId: string; clientSecret: string };

/** What one session gave for one document: where it is and how to sign in. Kept apart from the tools, which sessions share. */
export interface Connection {
  /** Base URL (or host:port) instead of the document's own. */
  server?: string;
  /** The seed's key: `basic` is sent as it is after "Basic " (base64-encoded first when it holds a ":"), `bearer` after "Bearer ". */
  apiKey?: { type: 'basic' | 'bearer'; apiKey: string };
  /** By name of the document's security scheme. */
  credentials?: Record<string, Credential>;
  /** Whom the session belongs to, for tools that work on what is the owner's own. */
  owner?: string;
}

export interface CallContext {
  connection: Connection;
  /**
   * Aborts what has not been sent yet: the result is then `error: {code: "cancelled", effect: "none"}`. A call whose
   * first byte has left is let finish.
   */
  signal: AbortSignal;
  /** Milliseconds after which the call must have a result, waiting included. */
  timeoutMs: number;
  /** Names the call: the same when the same decision's call is made again after a crash. Missing outside a session. */
  key?: string;
}

/**
 * One thing a model may ask for, made from one operation of a document. Immutable and shared between sessions.
 *
 * Contract:
 * - `name` matches ^[a-zA-Z0-9_-]{1,64}$ and is unique in its document; `description` is at most 1,024 characters.
 * - `parameters` is an object schema that model APIs accept; `call` is only given arguments that fit it.
 * - `call` resolves, also when the device fails (a result with `error`); it rejects only on a bug of ours.
 * - `call` sends a write at most once, and never retries one.
 */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonSchema;
  /** The document's own name for it: `GET /rooms/{id}`, a method's or a function's name. */
  readonly operation: string;
  readonly effect: Effect;
  call(args: JsonObject, context: CallContext): Promise<ToolResult>;
}

/** A result that says the call failed. `effect`: "none" when the device is surely unchanged. */
export function failed(
  code: string,
  message: string,
  effect: 'none' | 'unknown',
  more: JsonObject = {},
): ToolResult {
  return { ...more, error: { code, message, effect } };
}
