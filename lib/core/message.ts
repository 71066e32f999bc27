import type { JsonValue, JsonObject } from '../common/json.ts';
import type { Failure } from '../errors.ts';

/** One part of a message. */
export type Content =
  | { type: 'text'; text: string }
  | { type: 'image'; url: string; detail?: ImageDetail }
  /** A file of the session's owner, by its id. */
  | { type: 'file'; fileId: string; detail?: ImageDetail }
  /** Sound in base64, from a client or of a file. */
  | { type: 'audio'; data: string; format: 'wav' | 'mp3' };

/** How closely a model looks at an image (OpenAI's `detail`). */
export type ImageDetail = 'auto' | 'low' | 'high';

/** A file that belongs to a message, and the tools that may use it. */
export interface Attachment {
  fileId: string;
  tools: JsonObject[];
}

/** A client's own notes, by key. */
export type Metadata = Record<string, string>;

/** A later change of a message: it is removed from every view, or its metadata is replaced. */
export interface Mark {
  removed?: true;
  metadata?: Metadata;
}

/** The part of a line that a mark changes: the user's message, or the answer to it. */
export type MessagePart = 'said' | 'answer';

/** The marks of one line. */
export type Marks = { [Part in MessagePart]?: Mark };

/** A call that the model asks for. `arguments` is parsed JSON, or the raw text when it is no valid JSON or has numbers that cannot be read exactly. */
export interface ToolCall {
  callId: string;
  name: string;
  arguments: JsonValue;
}

/**
 * The result of a tool call: a JSON object that the model and the client see as it is. A failed call has
 * `error: {code, message, effect}`; `effect` is "none", or "unknown" for a write that may have happened.
 */
export type ToolResult = JsonObject;

/** The tokens of one model reply, as the endpoint counted them. */
export interface Usage {
  promptTokens: number;
  completionTokens: number;
  totalTokens: number;
}

/** The origin of a model reply: the vendor's id of the reply, the model's name, and the tokens. */
export interface Completion {
  id: string;
  model: string;
  usage: Usage;
  /** The reply ends where its limit of tokens cut it. */
  isCut?: true;
}

/**
 * What an endpoint added to its reply and may want back in later requests, such as thinking text or signatures. Only a model of
 * the same origin reads it. The store seals it, and no client sees it.
 */
export interface ProviderPart {
  /** The endpoint and the model that made the reply. */
  origin: string;
  data: JsonObject;
}

/**
 * What a call asks of somebody outside of the server before it has its result: the approval of a person, or the result of a
 * client's own function. `expiresAt` is in ms since the epoch.
 */
export type Question = {
  id: string;
  /** The name of the tool, and the checked arguments. */
  name: string;
  parameters: JsonObject;
  expiresAt: number;
} & (
  | {
      kind: 'approval';
      /** The name of the registered device, or the address of another one. */
      device: string;
      risk: Risk;
      /** The rule that asks, in words. */
      rule: string;
      /** The rules that ask, as data. Missing in questions of earlier versions. */
      rules?: JsonObject[];
      approvers: Approvers;
      /** The person who asked may not decide, even one who may decide about other calls. */
      needsAnother?: boolean;
      /** The request that an approval lets go, for people, without secrets. Missing in questions of earlier versions. */
      request?: JsonObject;
    }
  | { kind: 'result' }
);

/** How much harm a call may do, as its document says. */
export type Risk = 'low' | 'normal' | 'high';

/** Who may decide about a call: the person who asked, another one who may use the device, or an admin. */
export type Approvers = 'owner' | 'other' | 'admin';

/** The answer to a question. `expired`: nobody answered in time; `stopped`: the task was stopped first. */
export type QuestionAnswer =
  | { kind: 'decision'; decision: 'approve' | 'reject'; by: string; reason?: string }
  | { kind: 'result'; result: ToolResult }
  | { kind: 'expired' }
  | { kind: 'stopped' };

/** How a task has ended. */
export type TaskStatus = 'done' | 'stopped' | 'failed';

/** The content of a log line, without its number and time. */
export type MessageBody =
  /** The session begins, or begins anew after a clear: every earlier line is deleted. */
  | { type: 'session_started'; systemPrompt: string }
  /**
   * A task begins with a user message; `form` is the shape in which the client sent it. With `added`, the content is
   * empty: the message is an earlier line, the `message_added` with the task's id.
   */
  | {
      type: 'task_started';
      taskId: string;
      form: 'text' | 'image' | 'list';
      content: Content[];
      added?: true;
    }
  | MessageAdded
  /** A change of earlier lines, by their numbers. */
  | { type: 'message_marked'; of: number[]; part: MessagePart; mark: Mark }
  /** A model reply. With calls it is a decision; without calls it is the answer. */
  | {
      type: 'model_reply';
      taskId: string;
      text: string;
      calls: ToolCall[];
      completion: Completion;
      provider?: ProviderPart;
    }
  /** A call waits for the answer to a question. */
  | { type: 'question_asked'; taskId: string; callId: string; question: Question }
  /** A question is over. The answer of a client is the result of the call, so that this line is for approvals only. */
  | { type: 'question_answered'; taskId: string; callId: string; id: string; answer: QuestionAnswer }
  /** The result of one call. `roundDone` is true on the last result of a reply. */
  | { type: 'tool_result'; taskId: string; callId: string; result: ToolResult; roundDone: boolean }
  /** The last line of a task. `taskId` is null when a stop found no task to stop. */
  | {
      type: 'task_ended';
      taskId: string | null;
      status: TaskStatus;
      error?: Failure;
    };

/** A message that is a line of its own. With `run`, the task of the same id answers it. */
export interface MessageAdded {
  type: 'message_added';
  id: string;
  run: boolean;
  role: 'user' | 'assistant';
  content: Content[];
  attachments: Attachment[];
  metadata: Metadata;
  /** The rest of the client's request, in the terms of its dialect. Only that dialect reads it. */
  request?: JsonObject;
}

/**
 * A line of a session's log. Lines are numbered from 1 without gaps, and their body is never changed; a removed message is
 * read back empty, with its mark. `time` is in ms since the epoch.
 */
export type Message = MessageBody & { seq: number; time: number; marks?: Marks };
