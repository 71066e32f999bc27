import type { JsonObject } from '../common/json.ts';
import type { Attachment, Content, Message, MessageAdded, Metadata } from './message.ts';
import type { Mark, MessagePart } from './message.ts';

/** What a user says to a session. */
export interface NewTask {
  /** The caller's own id, at most 36 characters; the same id again is the same task. Made here when missing. */
  taskId?: string;
  /** The id was made for this very message, so that no other can have it. */
  fresh?: boolean;
  form: 'text' | 'image' | 'list';
  content: Content[];
  /** Whether deltas are wanted while the model speaks. */
  stream?: boolean;
  /** What the user said stands in the log as a message of its own, from when the task is taken on. */
  said?: { attachments: Attachment[]; metadata: Metadata };
}

/** Something to be said in a session; with `run`, a task answers it. */
export type NewMessage = Omit<MessageAdded, 'type' | 'id'>;

export interface AcceptedTask {
  taskId: string;
  /** Following from this number shows all of the task: the log's last when it was accepted, 0 for one that was known. */
  seq: number;
}

/** Why a session ends its followers: emptied, idle too long, deleted, or this node is going away. */
export type EndReason = 'cleared' | 'expired' | 'removed' | 'draining';

/** Partial text while the model speaks; not in the log. */
export interface Delta {
  taskId: string;
  text: string;
}

/**
 * One that watches a session.
 *
 * Contract:
 * - `messages` gets log lines in order, each once, the same objects for every follower of a node (so that an encoding
 *   can be cached by identity). While a promise it returned is pending nothing more is delivered and nothing is buffered:
 *   the follower is caught up from the store when it resolves.
 * - `delta` is skipped while the follower is behind.
 * - `ended` is called at most once, last. None of them may throw.
 */
export interface Subscriber {
  messages(batch: readonly Message[]): void | Promise<void>;
  delta(delta: Delta): void;
  ended(reason: EndReason): void;
}

/**
 * A conversation: its log, tools and owner.
 *
 * Contract: every method rejects with an AppError, never with anything else.
 */
export interface Session {
  readonly id: string;
  /** Ms since the epoch. */
  readonly createdAt: number;
  /** What clients note about it; it outlives a clear. */
  attributes(): Promise<JsonObject>;
  setAttributes(attributes: JsonObject): Promise<void>;
  /** Resolves once the task is committed. `task_rejected`, `conflict` (same id, other content), `limit_reached`. */
  submit(task: NewTask): Promise<AcceptedTask>;
  /** Resolves with its line once that is committed. `limit_reached`, `task_rejected` as with `submit`. */
  add(message: NewMessage): Promise<Message & MessageAdded>;
  /** Marks lines that are in the log, and keeps that in the log too. Resolves once it is committed. */
  mark(of: number[], part: MessagePart, mark: Mark): Promise<void>;
  /** The log since the last `session_started`, that line included. */
  history(): Promise<Message[]>;
  /** Lines after a number, in order, or before one, newest first. */
  read(from: { after: number } | { before: number }, limit: number): Promise<Message[]>;
  /** Delivers every line after number `after` (live only when undefined), until the function that it returns is called. */
  subscribe(subscriber: Subscriber, after?: number): () => void;
  /** Stops one task, or all and what waits. Resolves once nothing new can be sent to a device or model. */
  stop(taskId?: string): Promise<void>;
  /** Stops, empties the log, ends the followers with `cleared`. The session stays. */
  clear(): Promise<void>;
}
