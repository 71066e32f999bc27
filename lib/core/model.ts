import type { JsonObject } from '../common/json.ts';
import type { Completion, Content, ProviderPart, ToolCall, ToolResult } from './message.ts';
import type { JsonSchema } from './tool.ts';

/** A tool as the model sees it. */
export interface ToolOffer {
  name: string;
  description: string;
  parameters: JsonSchema;
}

/** One line of the conversation as a model sees it. The results of an assistant line's calls follow right after it. */
export type ModelMessage =
  | { role: 'system'; text: string }
  | { role: 'user'; content: Content[] }
  | { role: 'assistant'; text: string; calls: ToolCall[]; provider?: ProviderPart }
  | { role: 'tool'; callId: string; result: ToolResult };

/** A request to a model. */
export interface ModelRequest {
  messages: readonly ModelMessage[];
  /** The same array object for the same set of tools, so that a model can cache its encoding. */
  tools: readonly ToolOffer[];
  /** The reply must have a call: of any tool, or of the one with this name. An endpoint may not honour it. */
  forced?: ForcedCall;
}

/** A call that a client asks for. */
export type ForcedCall = 'any' | { name: string };

/** A reply of a model: text, calls, or both. */
export interface ModelReply {
  text: string;
  calls: ToolCall[];
  completion: Completion;
  provider?: ProviderPart;
}

/** The options of one request. */
export interface ReplyOptions {
  signal: AbortSignal;
  /** Receives each piece of text as it arrives. */
  onDelta?: (text: string) => void;
  /** Receives thinking text, which is no part of the answer: in pieces while the reply streams, else in one piece. */
  onReasoning?: (text: string) => void;
  /** Whether a request that fails is sent again; true when missing. */
  retries?: boolean;
  /** Back-pressure, asked after deltas: while the promise that it returns is pending, the endpoint's stream is not read. */
  pace?: () => Promise<void> | undefined;
}

/**
 * A language model at an endpoint.
 *
 * Contract:
 * - `reply` rejects with a ModelError (the endpoint is down, is too slow, sends malformed data, or breaks off in
 *   mid-stream) or, when `signal` aborts, with the signal's reason; never with anything else.
 * - Call ids are never empty, and unique in the conversation: also among those of the messages. A call's arguments are parsed JSON, or the raw text when they are not JSON.
 * - `messages` and `tools` are not changed.
 */
export interface Model {
  reply(request: ModelRequest, options: ReplyOptions): Promise<ModelReply>;
}

/** A model and its parameters. A missing field comes from the settings. */
export interface ModelConfig {
  baseUrl?: string;
  apiKey?: string;
  model?: string;
  temperature?: number;
  maxTokens?: number;
  topP?: number;
  /** More fields of the request, under the endpoint's own names. A field that the endpoint refuses is left out. */
  extra?: JsonObject;
}
