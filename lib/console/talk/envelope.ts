/** An envelope of a session's log, as the server sends it (`GET /api/history`, WebSocket `/api/chat`). */
export interface LogEnvelope {
  /** Empty for a line that belongs to no task. */
  taskId: string;
  from: string;
  to: string;
  type: string;
  /** A text, or the value that belongs to `type`. */
  message: unknown;
  /** Beside the last envelope that the model sent in a reply. */
  completions?: { tokenUsage: { totalTokens: number }; model: string };
  error?: { code: string; message: string };
  /** A time of the server (ms-of.ts). */
  createTime: string;
  /** The position in the log: it rises, with gaps. */
  seq: number;
}

/** A frame that is not in the log: a piece of the answer, an acknowledgement, or a refusal. */
export interface LiveFrame {
  type: 'chunk' | 'reasoning' | 'ack' | 'error';
  taskId?: string;
  /** A piece of the text; for `chunk` and `reasoning`. */
  part?: string;
  code?: string;
  message?: string;
}

/** A piece of a message. */
export interface Piece {
  type: 'text' | 'imageUrl';
  /** The text, or the URL of a picture. */
  message: string;
}

/** A call of a device. `unknown`: it may have happened. */
export interface CallStep {
  kind: 'call';
  id: string;
  name: string;
  parameters: unknown;
  state: 'running' | 'done' | 'failed' | 'unknown';
  result?: unknown;
  /** When it was called, in ms since the epoch. */
  at: number;
  /** How long it took; missing until it has ended. */
  ms?: number;
}

/** A reply of the model. `text` is what it said beside its calls. */
export interface RoundStep {
  kind: 'round';
  /** Empty until the envelope with the completions has come. */
  model: string;
  /** The tokens of the request and the reply, as the endpoint counted them; 0 while the model is empty. */
  tokens: number;
  text: string;
  at: number;
  /** The time since the last step ended, or since the turn began. */
  ms: number;
}

/** A call that waits for a person, and the decision. */
export interface ApprovalStep {
  kind: 'approval';
  id: string;
  /** The message of the `approvalRequest`. */
  request: unknown;
  /** Missing while it waits. */
  decision?: { decision: string; by?: string; reason?: string };
  at: number;
}

/** A step of a task. */
export type Step = CallStep | RoundStep | ApprovalStep;

/** One request of a user, with everything that came of it. A turn that changes is a new object. */
export interface ShownTurn {
  /** The id of the task; for a line without a task its position. */
  readonly key: string;
  /** Empty for a line that belongs to no task. */
  readonly taskId: string;
  readonly said: readonly Piece[];
  readonly steps: readonly Step[];
  /** The whole answer, or the part that has arrived. */
  readonly answer: string;
  /** The thoughts of a model that shows them, until its answer is there. */
  readonly thinking: string;
  /** `sending`: the server has not said yet that it has the message. `rejected`: it was refused, and no task began. */
  readonly state: 'sending' | 'running' | 'done' | 'stopped' | 'failed' | 'rejected';
  readonly error?: { code: string; message: string };
  /** Ms since the epoch. */
  readonly startedAt: number;
  /** Missing until the task has ended. */
  readonly endedAt?: number;
}

/** The tokens of a turn, as the endpoint of the model counted them. */
export function tokensOf({ steps }: ShownTurn): number {
  return steps.reduce((sum, step) => sum + (step.kind === 'round' ? step.tokens : 0), 0);
}
