import type { Completion, Content, ToolCall, ToolResult } from './message.ts';
import type { JsonObject } from '../common/json.ts';
import type { JsonSchema } from './tool.ts';

/** How a tool is described to the model. */
export interface ToolOffer {
  name: string;
  description: string;
  parameters: JsonSchema;
}

/** One line of the conversation as a model sees it. Every call of an assistant line is answered by a tool line right after it. */
export type ModelMessage =
  | { role: 'system'; text: string }
  | { role: 'user'; content: Content[] }
  | { role: 'assistant'; text: string; calls: ToolCall[] }
  | { role: 'tool'; callId: string; result: ToolResult };

export interface ModelRequest {
  messages: readonly ModelMessage[];
  /** The same array for the same set of tools, so that its encoding can be cached by identity. */
  tools: readonly ToolOffer[];
}

export interface ModelReply {
  text: string;
  calls: ToolCall[];
  completion: Completion;
}

export interface ReplyOptions {
  signal: AbortSignal;
  /** Called with each piece of text as it comes. */
  onDelta?: (text: string) => void;
  /** Asked after deltas: while what it returns is pending, no more is read of the endpoint's stream. */
  pace?: () => Promise<void> | undefined;
}

/**
 * A language model, ready to be asked.
 *
 * Contract:
 * - `reply` rejects with a ModelError (endpoint down, slow, malformed, broken off mid-stream) or, when `signal` aborts,
 *   with the signal's reason; never with anything else.
 * - Call ids are unique in a reply and never empty; a call's arguments are parsed JSON, or the raw text when they are not JSON.
 * - `messages` and `tools` are not changed.
 */
export interface Model {
  reply(request: ModelRequest, options: ReplyOptions): Promise<ModelReply>;
}

/** Which model to ask and how; what is missing comes from the settings. */
export interface ModelConfig {
  baseUrl?: string;
  apiKey?: string;
  model?: string;
  temperature?: number;
  maxTokens?: number;
  topP?: number;
  /** More fields of the request, as the endpoint names them; those that it refuses are left out. */
  extra?: JsonObject;
}
