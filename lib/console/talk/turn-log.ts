import { msOf } from '../ms-of.ts';
import {
  type ApprovalStep,
  type CallStep,
  type LiveFrame,
  type LogEnvelope,
  type Piece,
  type Step,
  type ShownTurn,
} from './envelope.ts';

/**
 * Folds the envelopes of a session into turns.
 *
 * An envelope that was seen is ignored: after a reconnect the server may send the last ones again.
 */
export class TurnLog {
  readonly turns: ShownTurn[] = [];
  /** The position of the last envelope; -1 before the first one. */
  lastSeq = -1;
  /** The places of turns in `turns`, by their keys. */
  readonly #places = new Map<string, number>();

  /** Takes one envelope of the log. */
  take(envelope: LogEnvelope): void {
    if (envelope.seq <= this.lastSeq) return;
    this.lastSeq = envelope.seq;
    const route = `${envelope.from}>${envelope.to}`;
    if (envelope.taskId === '') this.#takeLoose(route, envelope);
    else this.#takeOfTask(route, envelope);
  }

  /** Takes a frame that is not in the log. */
  takeLive({ type, taskId = '', part = '', code = '', message = '' }: LiveFrame): void {
    // Another client may send to the session, too: its task comes with the log.
    if (taskId === '' || !this.#places.has(taskId)) return;
    if (type === 'chunk') this.#change(taskId, (turn) => ({ answer: turn.answer + part }));
    if (type === 'reasoning') this.#change(taskId, (turn) => ({ thinking: turn.thinking + part }));
    if (type === 'error') this.#change(taskId, () => ({ state: 'rejected', error: { code, message } }));
  }

  /** Shows a message that is on its way to the server. */
  begin(taskId: string, said: readonly Piece[], at: number): void {
    this.#add({ ...emptyTurn(taskId, at), taskId, said, state: 'sending' });
  }

  /** The messages that the server has not answered yet: they are sent again after a reconnect, under the same ids. */
  unanswered(): ShownTurn[] {
    return this.turns.filter(({ state }) => state === 'sending');
  }

  /** Lines that belong to no task: messages that nobody answers. */
  #takeLoose(route: string, { type, message, createTime, seq }: LogEnvelope): void {
    const turn = { ...emptyTurn(String(seq), msOf(createTime)), state: 'done' as const };
    if (route === 'user>agent') this.#add({ ...turn, said: piecesOf(type, message) });
    if (route === 'agent>user') this.#add({ ...turn, answer: textOf(type, message) });
  }

  #takeOfTask(route: string, envelope: LogEnvelope): void {
    const { taskId, type, message, createTime } = envelope;
    const at = msOf(createTime);
    if (!this.#places.has(taskId)) this.#add({ ...emptyTurn(taskId, at), taskId });
    if (route === 'user>agent')
      this.#change(taskId, () => ({ said: piecesOf(type, message), state: 'running', startedAt: at }));
    if (route === 'llm>agent') this.#takeReply(envelope, at);
    if (route === 'agent>tool') this.#takeCalls(taskId, message, at);
    if (route === 'tool>agent' && type === 'toolReturn') this.#takeResult(taskId, message, at);
    if (route === 'agent>user') this.#takeForUser(envelope, at);
    if (route === 'agent>client') this.#takeSign(envelope, at);
  }

  #takeReply({ taskId, type, message, completions }: LogEnvelope, at: number): void {
    this.#change(taskId, (turn) => {
      const text = type === 'text' ? String(message) : '';
      if (!completions) return { answer: '', steps: [...turn.steps, roundOf(turn, '', 0, text, at)] };
      const { model, tokenUsage } = completions;
      // A text beside calls came as an envelope of its own, right before this one.
      const last = turn.steps.at(-1);
      const isSame = last?.kind === 'round' && last.model === '' && type !== 'text';
      const before = isSame ? turn.steps.slice(0, -1) : turn.steps;
      const round = roundOf(
        { ...turn, steps: before },
        model,
        tokenUsage.totalTokens,
        isSame ? last.text : '',
        at,
      );
      return { answer: '', steps: [...before, round] };
    });
  }

  #takeCalls(taskId: string, message: unknown, at: number): void {
    const calls = (message as { id: string; name: string; parameters: unknown }[]).map(
      ({ id, name, parameters }): CallStep => ({ kind: 'call', id, name, parameters, state: 'running', at }),
    );
    this.#change(taskId, (turn) => ({ steps: [...turn.steps, ...calls] }));
  }

  #takeResult(taskId: string, message: unknown, at: number): void {
    const { id, result } = message as { id: string; result: { error?: { effect?: string } } };
    const state =
      result.error === undefined ? 'done' : result.error.effect === 'unknown' ? 'unknown' : 'failed';
    this.#change(taskId, (turn) => ({
      steps: turn.steps.map((step) =>
        // The call that still runs: an id may come again in a later reply.
        step.kind === 'call' && step.id === id && step.state === 'running'
          ? { ...step, state, result, ms: at - step.at }
          : step,
      ),
    }));
  }

  #takeForUser({ taskId, type, message }: LogEnvelope, at: number): void {
    if (type === 'approvalRequest') {
      const { id } = message as { id: string };
      const step: ApprovalStep = { kind: 'approval', id, request: message, at };
      this.#change(taskId, (turn) => ({ steps: [...turn.steps, step] }));
    } else if (type === 'approvalResult') {
      const { id, ...decision } = message as { id: string; decision: string };
      this.#change(taskId, (turn) => ({
        steps: turn.steps.map((step) =>
          step.kind === 'approval' && step.id === id ? { ...step, decision } : step,
        ),
      }));
    } else this.#change(taskId, () => ({ answer: textOf(type, message), thinking: '' }));
  }

  #takeSign({ taskId, message, error }: LogEnvelope, at: number): void {
    if (message === '[TASK_START]') this.#change(taskId, () => ({ state: 'running', startedAt: at }));
    if (message === '[TASK_DONE]') this.#change(taskId, () => ({ state: 'done', endedAt: at }));
    if (message === '[TASK_STOP]')
      this.#change(taskId, () => ({
        state: error ? 'failed' : 'stopped',
        endedAt: at,
        ...(error && { error }),
      }));
  }

  /** Adds a turn at the end. One that is there stays: the log brings the message that this page has shown already. */
  #add(turn: ShownTurn): void {
    if (this.#places.has(turn.key)) return;
    this.#places.set(turn.key, this.turns.length);
    this.turns.push(turn);
  }

  /** Puts a changed turn in the place of the old one. Nothing happens for an unknown task. */
  #change(taskId: string, change: (turn: ShownTurn) => Partial<ShownTurn>): void {
    const at = this.#places.get(taskId);
    const turn = at === undefined ? undefined : this.turns[at];
    if (at !== undefined && turn) this.turns[at] = { ...turn, ...change(turn) };
  }
}

/** The turns of a history, and those that are still on their way to the server. */
export function turnLogOf(envelopes: readonly LogEnvelope[], unanswered: readonly ShownTurn[] = []): TurnLog {
  const log = new TurnLog();
  for (const envelope of envelopes) log.take(envelope);
  for (const { taskId, said, startedAt } of unanswered) log.begin(taskId, said, startedAt);
  return log;
}

/** A turn of which nothing is known yet but its begin. */
function emptyTurn(key: string, startedAt: number): ShownTurn {
  return { key, taskId: '', said: [], steps: [], answer: '', thinking: '', state: 'running', startedAt };
}

/** A reply of the model, which began when the step before it ended. */
function roundOf(turn: ShownTurn, model: string, tokens: number, text: string, at: number): Step {
  const ends = turn.steps.map(
    (step) => step.at + ('ms' in step ? (step.ms ?? 0) : 0) * (step.kind === 'call' ? 1 : 0),
  );
  return { kind: 'round', model, tokens, text, at, ms: Math.max(0, at - Math.max(turn.startedAt, ...ends)) };
}

/** The pieces of a message, of whichever form it is. */
function piecesOf(type: string, message: unknown): Piece[] {
  if (type === 'contentList') return message as Piece[];
  return [{ type: type === 'imageUrl' ? 'imageUrl' : 'text', message: String(message) }];
}

function textOf(type: string, message: unknown): string {
  return piecesOf(type, message)
    .map((piece) => piece.message)
    .join('\n');
}
