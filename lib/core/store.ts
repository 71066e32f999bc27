import type { JsonObject } from '../common/json.ts';
import type { Message, MessageBody, TaskStatus } from './message.ts';
import type { NewTask } from './session.ts';
import type { SessionConfig } from './session-config.ts';

/** A session as it is kept. Times in ms since the epoch. */
export interface StoredSession {
  id: string;
  owner: string;
  config: SessionConfig;
  createdAt: number;
  /** When it goes if nothing happens; null: never. Moved on by `postpone`, not by every message. */
  expiresAt: number | null;
  /** What clients note about it. */
  attributes?: JsonObject;
}

/** A user message in the inbox: committed before it is accepted. */
export interface StoredTask extends NewTask {
  taskId: string;
  /** It was told to stop and has not ended yet. */
  stopping?: true;
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

/** The outcome of a permitted call: it was done, it was surely not done, or nobody knows. */
export type Outcome = 'done' | 'none' | 'unknown';

/** Where a session stands when a node becomes its only writer: the last line of its log. */
export interface Claim {
  epoch: number;
  lastSeq: number;
  lastTime: number;
}

/** What an append writes to the inbox with its lines: a task that begins at once, or a task's end. */
export type TaskChange = { began: StoredTask } | { ended: string; status: TaskStatus };

/** What another node wants of a session's owner. */
export type Control =
  | { kind: 'stop'; taskId?: string }
  | { kind: 'clear' }
  | { kind: 'note'; line: NoteBody };

/** A line that belongs to no task's course: it may be written at any time. */
export type NoteBody = Extract<MessageBody, { type: 'message_added' | 'message_marked' }>;

/** What became of a task that was handed in: `busy` when something else is open and `alone` was asked for. */
export type Enqueued = 'new' | 'same' | 'conflict' | 'busy';

/**
 * Where sessions live; what several nodes share.
 *
 * Contract:
 * - Every promise resolves after the commit; everything asked for in one event-loop tick is one transaction.
 * - Rejects with AppErrors only; `unavailable` when the database fails, and then nobody knows whether the write happened.
 * - A write under an epoch that is no longer the session's rejects with AppError `conflict` and changes nothing: its
 *   owner has been replaced. So does every write after an append that failed, until the session is claimed anew: a log has
 *   no gaps.
 * - Configurations are sealed: no key of a client is readable in the database.
 */
export interface Store {
  /** How long a node that says nothing still owns its sessions. */
  readonly leaseMs: number;
  /** Whether other processes may write to the same sessions at the same time. */
  readonly shared: boolean;
  createSession(session: StoredSession, first: Message): Promise<{ epoch: number }>;
  /** With the number of its log's last line. */
  findSession(id: string): Promise<(StoredSession & { lastSeq: number }) | undefined>;
  countSessions(owner: string): Promise<number>;
  /** The session with its log and inbox; its journal stays. Without an epoch: whoever owns it. */
  removeSession(id: string, epoch?: number): Promise<void>;
  attributes(id: string): Promise<JsonObject>;
  setAttributes(id: string, attributes: JsonObject): Promise<void>;
  /** Sessions whose `expiresAt` has passed, at most `limit`. */
  findExpired(now: number, limit: number): Promise<string[]>;
  setExpiry(id: string, expiresAt: number): Promise<void>;

  /** Makes this node the session's only writer for a lease; `held`: another node is; undefined: no such session. */
  claim(id: string): Promise<Claim | 'held' | undefined>;
  /** Prolongs the leases of these sessions; those that another node has taken over are left out of the answer. */
  renew(epochs: ReadonlyMap<string, number>): Promise<Set<string>>;
  release(id: string, epoch: number): Promise<void>;
  /** Sessions with open tasks or controls that no node works on. */
  findOrphans(limit: number): Promise<string[]>;

  append(id: string, epoch: number, messages: readonly Message[], change?: TaskChange): Promise<void>;
  /** Lines after number `after`, in order. What a `message_marked` says of earlier lines, they show when they are read. */
  read(id: string, after: number, limit: number): Promise<Message[]>;
  /** Lines before number `before`, newest first. */
  readBack(id: string, before: number, limit: number): Promise<Message[]>;
  /** Empties log and inbox; `first` (the next number) is all that is left. */
  clear(id: string, epoch: number, first: Message): Promise<void>;

  /** `same`: this task is known with this content; `conflict`: with another. */
  enqueue(id: string, task: StoredTask, alone: boolean): Promise<Enqueued>;
  /** Open tasks in order of arrival. */
  listOpenTasks(id: string): Promise<StoredTask[]>;
  /** These open tasks were told to stop: whoever works on the session from now on ends them. */
  markStopping(id: string, epoch: number, taskIds: readonly string[]): Promise<void>;

  /** Asks the owner; the answer is for `isControlHandled`. */
  addControl(id: string, control: Control): Promise<string>;
  isControlHandled(id: string, control: string): Promise<boolean>;
  /** What the owner is asked, in order; `handled` takes it off the list. */
  listControls(id: string): Promise<{ key: string; control: Control }[]>;
  removeControl(id: string, key: string): Promise<void>;

  /**
   * True: the call may be sent; its row is committed. False: it may have been sent before. A row that was settled as `none`
   * is surely unsent, and is given again.
   */
  permit(id: string, epoch: number, entry: JournalEntry): Promise<boolean>;
  settle(id: string, key: JournalKey, outcome: Outcome): Promise<void>;

  /**
   * Takes away what is older than `before` (ms since the epoch) of some sessions, those after the id `after` ('' at first):
   * lines of tasks that have ended, so that the log begins later with the same first line, and ended tasks; nothing of an
   * open one. `idle`: sessions without an open task that nobody touched since. `next`: where to go on, if anywhere.
   */
  prune(before: number, after: string): Promise<{ idle: string[]; next: string | undefined }>;
  /** The same for the journal, which outlives its sessions; what an open task may need stays. Resolves where to go on. */
  pruneJournal(before: number, after: string): Promise<string | undefined>;

  /** Hears of sessions that other nodes wrote to: ids, sooner or later than the commit, perhaps more than once. */
  subscribe(hear: (id: string) => void): void;
  /** Of these sessions, the last number of each log; removed ones are left out. */
  lastSeqs(ids: readonly string[]): Promise<Map<string, number>>;

  /** Rejects with `unavailable` when the database does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
