import type { JsonValue, JsonObject } from './json.ts';

/** A piece of what a user says. */
export type Content = { type: 'text'; text: string } | { type: 'image'; url: string };

/** What the model asks for. `arguments` is the parsed JSON; a string when the model sent no valid JSON (its raw text). */
export interface ToolCall {
  callId: string;
  name: string;
  arguments: JsonValue;
}

/**
 * What a tool call came to: a JSON object that the model and the client see as it is. A failed call has
 * `error: {code, message, effect}`, with `effect` "none" or "unknown" (a write that may have happened).
 */
export type ToolResult = JsonObject;

export interface Usage {
  promptTokens: number;
  completionTokens: number;
  totalTokens: number;
}

/** Which endpoint said it: the vendor's reply id and model name. */
export interface Completion {
  id: string;
  model: string;
  usage: Usage;
}

export type TaskStatus = 'done' | 'stopped' | 'failed';

/** The content of a log line, before it has a number. */
export type MessageBody =
  /** The session begins, or begins afresh after a clear: everything before it is gone from every view. */
  | { type: 'session_started'; systemPrompt: string }
  /** A task begins with what the user said; `form` is how it was said (one text, one image, a list). */
  | { type: 'task_started'; taskId: string; form: 'text' | 'image' | 'list'; content: Content[] }
  /** One model reply. With `calls`: a decision. Without: the answer. */
  | { type: 'model_reply'; taskId: string; text: string; calls: ToolCall[]; completion: Completion }
  /** One call's result; `roundDone` on the last one of its reply. */
  | { type: 'tool_result'; taskId: string; callId: string; result: ToolResult; roundDone: boolean }
  /** A task's last line. `taskId` is null for a stop that found nothing to stop. */
  | {
      type: 'task_ended';
      taskId: string | null;
      status: TaskStatus;
      error?: { code: string; message: string };
    };

/** A line of a session's log: numbered from 1 without gaps, never changed. `time` in ms since the epoch. */
export type Message = MessageBody & { seq: number; time: number };
