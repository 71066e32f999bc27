import type { JsonObject } from '../common/json.ts';
import type { Attachment, Content, Mark, Message, MessageAdded, MessagePart, Metadata } from './message.ts';
import type { ToolResult } from './message.ts';
import type { KeptConfig, SessionConfig, TaskSettings } from './session-config.ts';

/** A user message for a session, as a task. */
export interface NewTask {
  /** The client's own id, at most 36 characters: the same id again is the same task. A new id is made when it is missing. */
  taskId?: string;
  /** True when the id was made for this very message, so that no other task can have it. */
  fresh?: boolean;
  /** The shape in which the client sent the message: one text, one image, or a list. */
  form: 'text' | 'image' | 'list';
  content: Content[];
  /** Whether clients get partial text while the model speaks. */
  stream?: boolean;
  /** Makes the user message a line of its own, which is appended also while the task waits. */
  said?: { attachments: Attachment[]; metadata: Metadata; request?: JsonObject };
  /** The wishes of this task over the configuration of its session. */
  settings?: TaskSettings;
}

/** A message for a session. With `run`, a task answers it. */
export type NewMessage = Omit<MessageAdded, 'type' | 'id'>;

/** A task that the session has accepted. */
export interface AcceptedTask {
  taskId: string;
  /** A subscription after this line number sees every line of the task. It is 0 for a task that was known already. */
  seq: number;
}

/** Why subscriptions end: the session was emptied, was idle for too long, was deleted, or this node shuts down. */
export type EndReason = 'cleared' | 'expired' | 'removed' | 'draining';

/** Partial text while the model speaks. It is not in the log. */
export interface Delta {
  taskId: string;
  text: string;
  /** `reasoning`: thinking text, which is no part of the answer. */
  kind: 'answer' | 'reasoning';
  /** The length of the text of this kind that came before it in the same reply. A subscriber that came late sees by it what it lacks. */
  at: number;
}

/**
 * A subscriber of a session's log.
 *
 * Contract:
 * - `messages` gets log lines in order, each once, and the same objects as every other subscriber on the node, so that an
 *   encoding can be cached. It may return a promise: until that resolves, nothing is delivered and nothing is buffered, and
 *   the lines that were missed are read from the store afterwards.
 * - `delta` is skipped while the subscriber has not seen every line.
 * - `positionUnknown` is called when the subscription was to begin after a line that does not exist: the store was restored
 *   from a backup, say. The subscription goes on from the end of the log.
 * - `ended` is called at most once, and last.
 * - None of them may throw.
 */
export interface Subscriber {
  messages(batch: readonly Message[]): void | Promise<void>;
  delta(delta: Delta): void;
  positionUnknown?(): void;
  ended(reason: EndReason): void;
}

/**
 * A conversation: a log, and the tasks that extend it.
 *
 * Contract: every method rejects with an AppError, never with anything else.
 */
export interface Session {
  readonly id: string;
  /** The configuration that the session was opened with, without its documents. Its keys are in clear: it is for the server only. */
  readonly config: KeptConfig;
  /** The configuration with its documents. */
  wholeConfig(): Promise<SessionConfig>;
  /** Ms since the epoch. */
  readonly createdAt: number;
  /** Notes of clients about the session. A clear keeps them. */
  attributes(): Promise<JsonObject>;
  setAttributes(attributes: JsonObject): Promise<void>;
  /** Resolves when the task is committed. Rejects with `task_rejected`, `conflict` (the same id with another content), `limit_reached`. */
  submit(task: NewTask): Promise<AcceptedTask>;
  /** Appends a message; resolves with its line when that is committed. Rejects as `submit` does. */
  add(message: NewMessage): Promise<Message & MessageAdded>;
  /** Marks earlier lines. Resolves when the mark is committed, as a line of its own. */
  mark(of: number[], part: MessagePart, mark: Mark): Promise<void>;
  /** Every line since the last `session_started`, that line included, in pages: those of a long log together take much memory. */
  pages(): AsyncIterable<Message[]>;
  /** Lines after a number in order, or before a number with the newest first. */
  read(from: { after: number } | { before: number }, limit: number): Promise<Message[]>;
  /** The number of the last line, while this node is sure that no task is open. Undefined at any other time: read the log then. */
  idleSeq(): number | undefined;
  /** The text so far of the reply that a streaming task's model is speaking on this node; empty at any other time. */
  spokenText(taskId: string): string;
  /** Delivers every line after number `after` (only new lines when it is missing) until the returned function is called. */
  subscribe(subscriber: Subscriber, after?: number): () => void;
  /**
   * Gives the result of a call to a client's own function, by the id of the call's question. Resolves when it is committed. Rejects
   * with `not_found` when there is no such question, and with `conflict` when it has an answer already.
   */
  answer(questionId: string, result: ToolResult): Promise<void>;
  /** Stops one task, or all of them. Resolves when nothing new can be sent to a device or a model. */
  stop(taskId?: string): Promise<void>;
  /** Stops every task, empties the log, and ends the subscriptions with `cleared`. The session stays. */
  clear(): Promise<void>;
}
