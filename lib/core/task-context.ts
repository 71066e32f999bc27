import type { Message, MessageBody } from './message.ts';
import type { Model } from './model.ts';
import type { Strategy } from './session-config.ts';
import type { JournalEntry, JournalKey, Outcome } from './store.ts';
import type { Toolbox } from './toolbox.ts';
import type { Framing, Transcript } from './transcript.ts';

/** The bounds of one task. Counts are per task or per reply; times in ms. */
export interface TaskLimits {
  taskRoundsMaxCount: number;
  replyCallsMaxCount: number;
  identicalCallsMaxCount: number;
  callTimeoutMs: number;
  /** How much of the conversation the model is shown, in tokens. */
  contextTokensMaxCount: number;
}

/**
 * The journal of write calls, as one task uses it.
 *
 * Contract: both resolve after the commit, and reject when this node does not own the session any more.
 */
export interface CallJournal {
  /** Asks for the permission to send a write. False: it was given before, so that the call may have been sent. */
  permit(entry: Omit<JournalEntry, 'taskId'>): Promise<boolean>;
  /** Writes down the outcome of a permitted call. */
  settle(key: JournalKey, outcome: Outcome): Promise<void>;
}

/** What the agent loop works with for one task. */
export interface TaskContext {
  readonly sessionId: string;
  readonly taskId: string;
  readonly model: Model;
  readonly toolbox: Toolbox;
  readonly toolStrategy: Strategy;
  readonly transcript: Transcript;
  readonly framing: Framing | undefined;
  readonly limits: TaskLimits;
  readonly journal: CallJournal;
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
