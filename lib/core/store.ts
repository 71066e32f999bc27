import type { JsonObject } from './json.ts';
import type { Message, TaskStatus } from './message.ts';
import type { NewTask } from './session.ts';
import type { SessionConfig } from './sessions.ts';
import type { Outcome } from './task.ts';

/** A session as it is kept. Times in ms since the epoch. */
export interface StoredSession {
  id: string;
  owner: string;
  config: SessionConfig;
  createdAt: number;
  /** When it goes if nothing happens; null: never. Moved on by `postpone`, not by every message. */
  expiresAt: number | null;
}

/** A user message in the inbox: committed before it is accepted. */
export interface StoredTask extends NewTask {
  taskId: string;
}

/** The permission to send one write call: one row per call of one decision (`seq` of its model_reply). */
export interface JournalKey {
  seq: number;
  callId: string;
}

export interface JournalEntry extends JournalKey {
  taskId: string;
  tool: string;
  arguments: JsonObject;
}

/** Where a session stands when a process becomes its only writer: the last line of its log, its open tasks in order. */
export interface Standing {
  epoch: number;
  lastSeq: number;
  lastTime: number;
  tasks: StoredTask[];
}

/** A task's end, written to the inbox with its last line. */
export interface TaskEnd {
  taskId: string;
  status: TaskStatus;
}

/**
 * Where sessions live.
 *
 * Contract:
 * - Every promise resolves after the commit; everything asked for in one event-loop tick is one transaction.
 * - A write under an epoch that is no longer the session's rejects with AppError `conflict` and changes nothing: its
 *   owner has been replaced.
 * - Configurations are sealed: no key of a client is readable in the database.
 */
export interface Store {
  createSession(session: StoredSession, first: Message): Promise<void>;
  findSession(id: string): Promise<StoredSession | undefined>;
  countSessions(owner: string): Promise<number>;
  /** The session with its log and inbox; its journal stays. */
  removeSession(id: string): Promise<void>;
  /** Sessions whose `expiresAt` has passed, at most `limit`. */
  findExpired(now: number, limit: number): Promise<string[]>;
  postpone(id: string, expiresAt: number): Promise<void>;

  /** Makes this process the session's only writer, from where it stands. */
  claim(id: string): Promise<Standing | undefined>;
  /** Sessions with tasks that have not ended. */
  findUnfinished(): Promise<string[]>;

  append(id: string, epoch: number, messages: readonly Message[], ended?: TaskEnd): Promise<void>;
  /** Lines after number `after`, in order. */
  read(id: string, after: number, limit: number): Promise<Message[]>;
  /** Empties log and inbox; `first` (the next number) is all that is left. */
  clear(id: string, epoch: number, first: Message): Promise<void>;

  /** `same`: this task is known with this content; `conflict`: with another. */
  enqueue(id: string, task: StoredTask): Promise<'new' | 'same' | 'conflict'>;
  /** Whether a task is known, without storing it. */
  recognise(id: string, task: StoredTask): Promise<'unknown' | 'same' | 'conflict'>;

  /** True: the row was written now, the call may be sent. False: it was there, the call may have been sent before. */
  permit(id: string, epoch: number, entry: JournalEntry): Promise<boolean>;
  settle(id: string, key: JournalKey, outcome: Outcome): Promise<void>;

  close(): Promise<void>;
}
