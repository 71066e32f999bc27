import type { JsonObject } from '../common/json.ts';
import { AppError } from '../errors.ts';
import type { QuestionAnswer, Message, MessageBody, Question, TaskStatus, ToolResult } from './message.ts';
import type { SessionConfig } from './session-config.ts';
import type { NewTask } from './session.ts';

/** A session as it is stored. Times are in ms since the epoch. */
export interface StoredSession {
  id: string;
  /** The id of the principal that created it. */
  owner: string;
  config: SessionConfig;
  createdAt: number;
  /** When the session expires if nothing happens; null for never. `setExpiry` moves it, and not every message does. */
  expiresAt: number | null;
  /** Notes of clients about the session. */
  attributes?: JsonObject;
}

/** A task in the inbox. It is committed before it is accepted. */
export interface StoredTask extends NewTask {
  taskId: string;
  /** Present when the task was told to stop and has not ended yet. */
  stopping?: StopReason;
}

/** Why a task was told to stop: somebody stopped it, or an emergency stop did. */
export type StopReason = 'stop' | 'estop';

/** The key of a permission to send a write: one for each call of a decision, whose line number is `seq`. */
export interface JournalKey {
  seq: number;
  callId: string;
}

/** A write, as the journal keeps it. */
export interface JournalEntry extends JournalKey {
  taskId: string;
  tool: string;
  arguments: JsonObject;
}

/** The outcome of a permitted call: it was done, it was surely not done, or nobody knows. */
export type Outcome = 'done' | 'none' | 'unknown';

/** The answer to a call that asks to be sent: it may be, it was permitted before, or it may not and this is its result. */
export type Permitted = 'given' | 'given_before' | { refused: ToolResult };

/**
 * The conditions of a permit, and the rows that go with its outcome. Both run in the transaction of the store,
 * which only the maker of the clearance knows how to use.
 */
export interface Clearance {
  /** The result of a call that may not be sent; undefined for one that may. */
  check(transaction: unknown): Promise<ToolResult | undefined>;
  settled(transaction: unknown, outcome: Outcome, result: ToolResult): Promise<void>;
}

/** A question as the store keeps it, under the key of its call. */
export interface StoredQuestion extends JournalKey {
  taskId: string;
  question: Question;
  /** Names the call exactly: the device's version, the tool and the arguments. */
  digest: string;
  /** Missing while nobody has answered. */
  answer?: QuestionAnswer;
}

/** A question of an earlier owner. `isOpen`: the log does not say yet how it ended. */
export type FoundQuestion = StoredQuestion & { isOpen: boolean };

/** The answer to an answer. `late`: the question has this answer already. */
export type Answered = 'taken' | { late: QuestionAnswer } | undefined;

/** What an emergency stop holds: everything, one registered device, or one session. */
export type EstopScope = 'all' | `device:${string}` | `session:${string}`;

/** An emergency stop that holds. Later ones have higher ids; `at` is in ms since the epoch. */
export interface StoredEstop {
  id: number;
  scope: EstopScope;
  by: string;
  at: number;
  reason?: string;
}

/** The right to write to a session, and the end of its log at that moment. */
export interface Claim {
  /** Counts up with every new owner. A write under an older epoch is refused. */
  epoch: number;
  lastSeq: number;
  /** The time of the last line, in ms since the epoch. */
  lastTime: number;
}

/**
 * The change that an append makes with its lines: a new task begins at once, a task ends (with the questions that it has asked),
 * a call asks a question, or a question is over.
 */
export type TaskChange =
  | { began: StoredTask }
  | { ended: string; status: TaskStatus; hasAsked?: boolean }
  | { asked: StoredQuestion }
  | { closed: string };

/** A request of another node to the owner of a session. */
export type Control =
  | { kind: 'stop'; taskId?: string }
  | { kind: 'clear' }
  | { kind: 'note'; line: NoteBody };

/** A request, with the key under which it is removed. */
export interface StoredControl {
  key: string;
  control: Control;
}

/** A session that this node has just claimed, with the work that waits for its owner. */
export interface ClaimedSession {
  id: string;
  claim: Claim;
  /** The session, or the reason why it cannot be read. */
  session: StoredSession | AppError;
  tasks: StoredTask[];
  controls: StoredControl[];
}

/** A line that belongs to no task, so that it may be appended at any time. */
export type NoteBody = Extract<MessageBody, { type: 'message_added' | 'message_marked' }>;

/** The tasks that wait somewhere. */
export interface Queue {
  count: number;
  /** The bytes of their content together. */
  bytes: number;
}

/** The answer to a task that was handed in. `busy`: another task is open, and `isAlone` was asked for. */
export type Enqueued = 'new' | 'same' | 'conflict' | 'busy';

/**
 * The store of sessions. Several nodes may share it.
 *
 * Contract:
 * - Every promise resolves after the commit. Everything that is asked for in one tick of the event loop is one transaction.
 * - Rejects with AppErrors only. `unavailable` says that the database failed: whether the write happened is unknown then.
 * - A write under an old epoch rejects with `conflict` and changes nothing: another node owns the session. So does every
 *   write after an append that failed, until the session is claimed anew: a log has no gaps.
 * - Configurations are sealed: no key of a client can be read in the database.
 */
export interface Store {
  /** How long a node that does not renew its lease still owns its sessions, in ms. */
  readonly leaseMs: number;
  /** Whether other processes may write to the same sessions at the same time. */
  readonly shared: boolean;
  createSession(session: StoredSession, first: Message): Promise<{ epoch: number }>;
  /** The session, with the number of its log's last line. */
  findSession(id: string): Promise<(StoredSession & { lastSeq: number }) | undefined>;
  /** The sessions of an owner, and the bytes of their configurations. */
  countSessions(owner: string): Promise<{ count: number; bytes: number }>;
  /** Ids of sessions of this owner, at most `limit`. */
  findSessions(owner: string, limit: number): Promise<string[]>;
  /** Removes a session with its log and inbox. Its journal stays. Without an epoch, the session may have any owner. */
  removeSession(id: string, epoch?: number): Promise<void>;
  attributes(id: string): Promise<JsonObject>;
  setAttributes(id: string, attributes: JsonObject): Promise<void>;
  /** Ids of sessions whose `expiresAt` has passed, at most `limit`. */
  findExpired(now: number, limit: number): Promise<string[]>;
  setExpiry(id: string, expiresAt: number): Promise<void>;

  /** Makes this node the only writer of a session for a lease. `held`: another node is; undefined: there is no such session. */
  claim(id: string): Promise<Claim | 'held' | undefined>;
  /** Renews the leases of these sessions. The answer leaves out those that another node has taken over. */
  renew(epochs: ReadonlyMap<string, number>): Promise<Set<string>>;
  release(id: string, epoch: number): Promise<void>;
  /** Claims sessions with open tasks or controls that no living node owns: those with the oldest work, at most `limit`. */
  claimOrphans(limit: number): Promise<ClaimedSession[]>;

  append(id: string, epoch: number, messages: readonly Message[], change?: TaskChange): Promise<void>;
  /**
   * The next lines after number `after`, in order, with their marks: as many as are read at once, by their number and their bytes.
   * `hasMore`: there may be others behind them.
   */
  readPage(id: string, after: number): Promise<{ lines: Message[]; hasMore: boolean }>;
  /** At most `limit` lines after number `after`, in order, with their marks. */
  read(id: string, after: number, limit: number): Promise<Message[]>;
  /** Lines before number `before`, newest first. */
  readBack(id: string, before: number, limit: number): Promise<Message[]>;
  /** Empties the log and the inbox, and appends `first`, which has the next number. */
  clear(id: string, epoch: number, first: Message): Promise<void>;

  /** Hands a task in. `same`: it is known with this content; `conflict`: it is known with another. */
  enqueue(id: string, task: StoredTask, isAlone: boolean): Promise<Enqueued>;
  /** The open tasks in order of arrival. The content of a task that `isKnown` names is not read, and the task is left out. */
  listOpenTasks(id: string, isKnown?: (taskId: string) => boolean): Promise<StoredTask[]>;
  /** The open tasks of a session, counted without reading their content. */
  measureQueue(id: string): Promise<Queue>;
  isTaskOpen(id: string, taskId: string): Promise<boolean>;
  /** Notes that these open tasks were told to stop: every later owner ends them. */
  markStopping(id: string, epoch: number, taskIds: readonly string[], reason: StopReason): Promise<void>;

  /** Leaves a request for the owner, and resolves with its key. */
  addControl(id: string, control: Control): Promise<string>;
  /** Whether the owner has removed the request. */
  isControlHandled(id: string, key: string): Promise<boolean>;
  /** The open requests, in order. */
  listControls(id: string): Promise<StoredControl[]>;
  /** Removes a request that the owner has obeyed. */
  removeControl(id: string, key: string): Promise<void>;

  /**
   * Asks for the permission to send a write. `given`: its row is committed, and the call may be sent. `given_before`: the row
   * was there, so that the call may have been sent. A row with outcome `none` was surely not sent, and is permitted again. An
   * emergency stop and the clearance are checked in the same transaction.
   */
  permit(id: string, epoch: number, entry: JournalEntry, clearance?: Clearance): Promise<Permitted>;
  /** Whether a call has a permission, so that it may have been sent. */
  isPermitted(id: string, key: JournalKey): Promise<boolean>;
  /**
   * Writes down the outcome of a permitted call; `also` runs in the same transaction. The first outcome stays, unless it is
   * `unknown`: then a known one takes its place. Nothing is written otherwise, and `also` does not run.
   */
  settle(
    id: string,
    key: JournalKey,
    outcome: Outcome,
    also?: (transaction: unknown) => Promise<void>,
  ): Promise<void>;

  /** The last question of a call. */
  findQuestion(id: string, key: JournalKey): Promise<FoundQuestion | undefined>;
  /** The answers to those of these questions that have one. */
  readAnswers(questions: readonly string[]): Promise<Map<string, QuestionAnswer>>;
  /** Answers a question of a session. The first answer counts. Undefined: there is no such question. */
  answer(id: string, questionId: string, answer: QuestionAnswer): Promise<Answered>;
  /** Answers the questions that nobody has answered in time. Resolves with their sessions. */
  expireQuestions(now: number): Promise<string[]>;

  /** Engages an emergency stop: every permit that commits later is refused. */
  engageEstop(scope: EstopScope, by: string, reason?: string): Promise<StoredEstop>;
  /** Releases the stops of a scope. Resolves with their number. */
  releaseEstops(scope: EstopScope, by: string, reason: string): Promise<number>;
  /** The stops that hold now, oldest first. */
  listEstops(): Promise<StoredEstop[]>;
  /** The id of the newest stop, also of a released one; 0 when there was none. */
  lastEstop(): Promise<number>;
  /** Notes that this node has carried out every stop up to this id. */
  noteEstop(id: number): Promise<void>;
  /** How many living nodes have not carried out the stop of this id. */
  countNodesBehind(id: number): Promise<number>;

  /**
   * Deletes ended tasks older than `before` (ms since the epoch) and their lines. The log of a session then begins later, with
   * the same first line. Open tasks keep everything. One call covers some sessions: those after the id `after` ('' at first).
   * `next` is the id for the next call. `idle` are the sessions without an open task that nobody used since `before`.
   */
  prune(before: number, after: string): Promise<{ idle: string[]; next: string | undefined }>;
  /** The same for the journal, which outlives its sessions. What an open task may need stays. */
  pruneJournal(before: number, after: string): Promise<string | undefined>;

  /** Calls `listen` with the ids of sessions that other nodes have written to: soon after the commit, perhaps more than once. */
  subscribe(listen: (id: string) => void): void;
  /** The number of each log's last line. Sessions that do not exist are left out. */
  lastSeqs(ids: readonly string[]): Promise<Map<string, number>>;

  /** Rejects with `unavailable` when the database does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Whether a write was refused because another node owns the session now (contract of `Store`). */
export function isReplaced(error: unknown): boolean {
  return error instanceof AppError && error.code === 'conflict';
}

/** Whether a session was found to be gone. */
export function isGone(error: unknown): boolean {
  return error instanceof AppError && error.code === 'not_found';
}
