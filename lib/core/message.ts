import type { JsonValue, JsonObject } from '../common/json.ts';

/** A piece of what a user says. */
export type Content =
  | { type: 'text'; text: string }
  | { type: 'image'; url: string; detail?: ImageDetail }
  /** A file of the session's owner, by its id. */
  | { type: 'file'; fileId: string; detail?: ImageDetail }
  /** Sound as base64; only on its way to a model. */
  | { type: 'audio'; data: string; format: 'wav' | 'mp3' };

/** How closely a model is to look. */
export type ImageDetail = 'auto' | 'low' | 'high';

/** A file that goes with a message, and the tools that it is meant for. */
export interface Attachment {
  fileId: string;
  tools: JsonObject[];
}

/** What a client notes about something, for itself. */
export type Metadata = Record<string, string>;

/** What became of a message afterwards: it was removed from every view, or has other metadata. */
export interface Mark {
  removed?: true;
  metadata?: Metadata;
}

/** A line may hold what a user said and stand for its task's answer. */
export type MessagePart = 'said' | 'answer';
export type Marks = { [Part in MessagePart]?: Mark };

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
  /**
   * A task begins with what the user said; `form` is how it was said (one text, one image, a list). With `added`, that
   * stands in the log already, as the message of the task's id.
   */
  | {
      type: 'task_started';
      taskId: string;
      form: 'text' | 'image' | 'list';
      content: Content[];
      added?: true;
    }
  /** Something said that no task began with. With `run`, the task of the same id answers it. */
  | MessageAdded
  /** The marks of these earlier lines change. */
  | { type: 'message_marked'; of: number[]; part: MessagePart; mark: Mark }
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

export interface MessageAdded {
  type: 'message_added';
  id: string;
  run: boolean;
  role: 'user' | 'assistant';
  content: Content[];
  attachments: Attachment[];
  metadata: Metadata;
}

/**
 * A line of a session's log: numbered from 1 without gaps, never changed; what was removed is read back empty, with its
 * mark. `time` in ms since the epoch.
 */
export type Message = MessageBody & { seq: number; time: number; marks?: Marks };
