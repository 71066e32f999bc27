import type { JsonObject } from '../common/json.ts';
import type { KeptSession } from './kept-session.ts';
import type { QuestionAnswer, Question, ToolResult } from './message.ts';
import type { Clearance, StoredQuestion, StoredTask } from './store.ts';
import type { Connection, Tool } from './tool.ts';

/** A checked call that asks whether it may be sent. */
export interface AskingCall {
  session: KeptSession;
  task: StoredTask;
  /** The number of the decision's line, and the model's id of the call. */
  seq: number;
  callId: string;
  tool: Tool;
  arguments: JsonObject;
  connection: Connection;
}

/** What becomes of a call. */
export type Verdict =
  /** It may be sent, if its clearance holds in the transaction that permits it. `observed` gets the result of a read. */
  | { kind: 'send'; clearance?: Clearance; observed?: (result: ToolResult) => Promise<void> }
  /** It is not sent, and this is its result. */
  | { kind: 'refuse'; result: ToolResult }
  /** A question has to be answered first. `digest` names the call exactly, with the version of its device. */
  | { kind: 'ask'; question: Question; digest: string };

/**
 * The people in command: every call asks here before it is permitted. The core knows no rules.
 *
 * Contract:
 * - `judge` and `decide` change nothing but the audit log. They reject with an AppError only, and the call is not sent then.
 * - `decide` is called with the answer to a question of `judge`, perhaps on another node and much later. `changed`: the device
 *   is another one by now, so that the task must open its tools anew and ask again.
 */
export interface Command {
  judge(call: AskingCall): Verdict | Promise<Verdict>;
  /** The clearance under which an earlier owner may have sent a write, so that its unknown outcome is written down. */
  sentBefore(call: AskingCall): Promise<Clearance | undefined>;
  /** Writes down that nobody approved a call. */
  noteRefusal(call: AskingCall, answer: QuestionAnswer): Promise<void>;
  decide(call: AskingCall, question: StoredQuestion, answer: QuestionAnswer): Promise<Verdict | 'changed'>;
  /** The moment (monotonic, in ms) at which this node last asked for emergency stops; it has carried out those of before. */
  stopsKnownAt?(): number;
}

/** No rules: every call may be sent. */
export const freeCommand: Command = {
  judge: () => FREE,
  sentBefore: () => Promise.resolve(undefined),
  noteRefusal: () => Promise.resolve(),
  decide: () => Promise.resolve(FREE),
};

const FREE: Verdict = { kind: 'send' };
