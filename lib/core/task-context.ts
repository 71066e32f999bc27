import type { Clock } from '../common/clock.ts';
import type { QuestionAnswer, Message, MessageBody, Question } from './message.ts';
import type { Model } from './model.ts';
import type { Strategy } from './session-config.ts';
import type { AskingCall, Command } from './command.ts';
import type { TaskObserver } from './observer.ts';
import type {
  FoundQuestion,
  Clearance,
  JournalEntry,
  JournalKey,
  Outcome,
  Permitted,
  StoredQuestion,
} from './store.ts';
import type { TaskToolbox } from './client-tools.ts';
import type { Framing, Transcript } from './transcript.ts';

/** The bounds of one task. Counts are per task or per reply; times in ms. */
export interface TaskLimits {
  taskRoundsMaxCount: number;
  replyCallsMaxCount: number;
  identicalCallsMaxCount: number;
  callTimeoutMs: number;
  /** How long a client has to give the result of its own function. */
  clientAnswerTimeoutMs: number;
  /** How much of the conversation the model is shown, in tokens. */
  contextTokensMaxCount: number;
}

/**
 * The journal of write calls, as one task uses it.
 *
 * Contract: all resolve after the commit, and reject when this node does not own the session any more.
 */
export interface CallJournal {
  /** Asks for the permission to send a write. */
  permit(entry: Omit<JournalEntry, 'taskId'>, clearance?: Clearance): Promise<Permitted>;
  /** Whether a call has a permission of an earlier owner, so that it may have been sent. */
  isPermitted(key: JournalKey): Promise<boolean>;
  /** Writes down the outcome of a permitted call; `also` runs in the same transaction. */
  settle(key: JournalKey, outcome: Outcome, also?: (transaction: unknown) => Promise<void>): Promise<void>;
}

/**
 * The questions of a task's calls.
 *
 * Contract: the line of a question and its place in the store are one commit, and so are the end of a question and the lines
 * that say so. The deadline of the task does not run while a question waits.
 */
export interface CallQuestions {
  /** The last question of a call that an earlier owner has left behind. */
  find(key: JournalKey): Promise<FoundQuestion | undefined>;
  /** Asks a question that is not in the store yet. */
  ask(question: Omit<StoredQuestion, 'taskId'>): Promise<void>;
  /** Waits for the answer: `stopped` when the task is stopped first, undefined when this node leaves the task to another. */
  wait(question: Question): Promise<QuestionAnswer | undefined>;
  /** Appends lines with which a question is over. */
  close(id: string, ...lines: MessageBody[]): Promise<void>;
}

/** A call, as its task asks about it. */
export type TaskCall = Omit<AskingCall, 'session' | 'task'>;

/** The people in command, as one task asks them (contract: `Command`). */
export interface CallCommand {
  judge(call: TaskCall): ReturnType<Command['judge']>;
  sentBefore(call: TaskCall): ReturnType<Command['sentBefore']>;
  noteRefusal(call: TaskCall, answer: QuestionAnswer): Promise<void>;
  decide(call: TaskCall, question: StoredQuestion, answer: QuestionAnswer): ReturnType<Command['decide']>;
  /** Whether a write that was asked for at `askedAt` (monotonic, in ms) may still leave (see `CallContext`). */
  mayLeave(askedAt: number): boolean;
}

/** What the agent loop works with for one task. */
export interface TaskContext {
  readonly sessionId: string;
  readonly taskId: string;
  /** Whether its message says its calls, so that no model needs their results. */
  readonly isDirect: boolean;
  readonly model: Model;
  readonly toolbox: TaskToolbox;
  readonly toolStrategy: Strategy;
  readonly transcript: Transcript;
  readonly framing: Framing | undefined;
  /** The client repeats its request when the first reply fails (`TaskSettings`). */
  readonly clientRepeats: boolean;
  readonly limits: TaskLimits;
  readonly clock: Clock;
  readonly journal: CallJournal;
  readonly questions: CallQuestions;
  readonly command: CallCommand;
  readonly observer: TaskObserver;
  /** Aborts when the task must end: nothing new is asked or sent then. A call that has left is awaited. */
  readonly signal: AbortSignal;
  /** Makes a stop of the task wait for this work (see `CallContext`). */
  readonly stopWaitsFor: (work: Promise<unknown>) => void;
  /** Receives partial text, and its place in the reply; missing when no client wants it. */
  readonly onDelta: ((text: string, at: number) => void) | undefined;
  /** Receives thinking text; missing when no client wants it. */
  readonly onReasoning: ((text: string, at: number) => void) | undefined;
  /** Appends lines to the log; resolves when they are committed and in the transcript. */
  append(...lines: MessageBody[]): Promise<Message[]>;
}
