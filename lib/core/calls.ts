/**
 * The calls of one model reply. Each call goes through the same steps:
 *
 *   check limits → check arguments → wait for its turn → clear (clear-call.ts) → permit (writes only) → send → settle with the result
 *
 * The permit is a row of the journal. It is committed before the first byte of a write leaves, and it is given once. The
 * result and the outcome are one transaction. So for every moment at which a node may die, the next owner knows what to do:
 *
 *   the node dies …                       in the log   in the journal       the next owner
 *   before the decision is committed      –            –                    asks the model again
 *   before the permit is committed        decision     –                    makes the call
 *   while a question waits                question     –                    waits for the same answer
 *   after a call was approved             answer       –                    makes the call, if its device is unchanged
 *   before or after a write is sent       decision     sent                 reports `outcome_unknown`, sends nothing
 *   before or after a read is sent        decision     – (reads have none)  sends the read again
 *   before the result is committed        decision     sent                 reports `outcome_unknown`, sends nothing
 *   after the result is committed         result       done, none, unknown  has nothing to do
 *
 * A stop aborts the signal. A call that has not been sent is dropped then and gets no result, unless it has asked a question; a
 * call that has been sent is awaited and gets one. After a crash, a write that may have been sent gets its `outcome_unknown` even
 * in a stopped task.
 *
 * A call to a client's own function asks a question, too, and the answer is its result.
 */
import { isObject } from '../common/json.ts';
import { messageOf } from '../errors.ts';
import { askClient } from './ask-client.ts';
import type { CallLimits } from './call-limits.ts';
import { CallOrder } from './call-order.ts';
import { clearCall } from './clear-call.ts';
import type { QuestionAnswer, MessageBody, ToolCall, ToolResult } from './message.ts';
import { observe, type ObservedCall } from './observer.ts';
import type { Clearance, Outcome, StoredQuestion } from './store.ts';
import type { TaskContext } from './task-context.ts';
import { failed, type CallContext, type Effect } from './tool.ts';
import type { TaskChecked } from './client-tools.ts';
import type { CheckedCall } from './toolbox.ts';

/** A call and its index in its reply. */
export interface RoundCall {
  call: ToolCall;
  index: number;
}

/** A decision of the model and those of its calls that have no result. */
export interface Round {
  /** The line number of the model's reply. */
  seq: number;
  calls: readonly RoundCall[];
  /** True when an earlier owner made the decision: its writes may have been sent. */
  inherited: boolean;
}

/** A call that has ended. `outcome` is there when the call had a permit. */
interface Settled {
  result: ToolResult;
  outcome?: Outcome;
  /** Writes its own rows with the outcome. */
  clearance?: Clearance | undefined;
  /** The question that is over with the result. */
  closing?: { question: StoredQuestion; answer: QuestionAnswer } | undefined;
}

/**
 * Makes the calls of a round, and appends each result as it comes.
 *
 * Contract: settles only when no call is under way. Rejects when a line or the journal cannot be written.
 */
export async function makeCalls(task: TaskContext, round: Round, limits: CallLimits): Promise<void> {
  if (task.signal.aborted && !round.inherited) return;
  const checks = await Promise.all(round.calls.map((asked) => checkCall(task, asked, limits)));
  const order = new CallOrder(task.toolStrategy);
  const progress: Progress = { left: round.calls.length, isHalted: false };
  const results = round.calls.map(({ call }, index) => {
    const checked = checks[index]!;
    const { device, effect } = placeOf(checked);
    return order.run(device, effect, async () => {
      if (progress.isHalted) return;
      try {
        const step = task.observer.call(observedOf(call, checked));
        const settled = await observe(step, () => makeCall(task, round, call, checked));
        if (settled) await appendResult(task, round, call, settled, progress);
      } catch (error) {
        progress.isHalted = true; // a call that waits for its turn must not go before this one
        throw error;
      }
    });
  });
  await allSettled(results);
}

/** How many calls of the round have no result, and whether the others are not to begin. */
interface Progress {
  left: number;
  isHalted: boolean;
}

/** Asks the limits at once, so that they see the calls in the order of the reply, and then checks the arguments. */
function checkCall(task: TaskContext, { call, index }: RoundCall, limits: CallLimits): Promise<TaskChecked> {
  const refused = limits.refuse(call, index);
  return refused ? Promise.resolve({ answered: refused }) : task.toolbox.check(call);
}

/** The device of a call, for the order of calls. A call that is answered already, or by a client, goes to no device. */
function placeOf(checked: TaskChecked): { device: string | undefined; effect: Effect } {
  if (!('ready' in checked)) return { device: undefined, effect: 'read' };
  const { tool, connection } = checked.ready;
  return { device: tool.device?.(connection), effect: tool.effect };
}

/** A call for its observer, without its arguments. */
function observedOf({ callId, name }: ToolCall, checked: TaskChecked): ObservedCall {
  if (!('ready' in checked)) return { callId, name };
  const { tool, connection } = checked.ready;
  const { effect, operation } = tool;
  return { callId, name, device: connection.registered?.name, effect, operation };
}

/** Takes a checked call through the other steps. Undefined when a stop came before the call was sent. */
async function makeCall(
  task: TaskContext,
  round: Round,
  call: ToolCall,
  checked: TaskChecked,
): Promise<Settled | undefined> {
  const { signal, journal } = task;
  const { seq } = round;
  const { callId } = call;
  if ('answered' in checked) return signal.aborted ? undefined : { result: checked.answered };
  if ('forClient' in checked)
    return askClient(task, { seq, callId, ...checked.forClient, isInherited: round.inherited });
  const { ready } = checked;
  const isWrite = ready.tool.effect === 'write';
  if (isWrite && round.inherited && (await journal.isPermitted({ seq, callId })))
    return unknownWrite(task, round, call, ready);
  if (signal.aborted && !round.inherited) return undefined;
  const cleared = await clearCall(task, { seq, callId, ...ready }, round.inherited);
  if (cleared?.kind !== 'send') return cleared;
  if (signal.aborted) return undefined;
  return isWrite
    ? makeWrite(task, round, call, ready, cleared.clearance)
    : makeRead(task, round, call, ready, cleared.observed);
}

async function makeRead(
  task: TaskContext,
  { seq }: Round,
  call: ToolCall,
  ready: CheckedCall,
  observed: ((result: ToolResult) => Promise<void>) | undefined,
): Promise<Settled | undefined> {
  const result = await send(task, seq, call, ready);
  if (task.signal.aborted && wasCancelled(result)) return undefined;
  await observed?.(result);
  return { result };
}

/** Asks for the permit, and sends the write when it is given. */
async function makeWrite(
  task: TaskContext,
  { seq }: Round,
  call: ToolCall,
  ready: CheckedCall,
  clearance: Clearance | undefined,
): Promise<Settled | undefined> {
  const { callId, name } = call;
  const entry = { seq, callId, tool: name, arguments: ready.arguments };
  const askedAt = task.clock.monotonicNow();
  const permission = await task.journal.permit(entry, clearance);
  if (permission === 'given')
    return sendWrite(
      task,
      seq,
      call,
      { ...ready, mayLeave: () => task.command.mayLeave(askedAt) },
      clearance,
    );
  if (permission === 'given_before') return unknownWrite(task, { seq }, call, ready);
  return { result: permission.refused };
}

/** A write that an earlier owner may have sent: its outcome is not known, and the command learns of that. */
async function unknownWrite(
  { command }: TaskContext,
  { seq }: Pick<Round, 'seq'>,
  { callId, name }: ToolCall,
  ready: CheckedCall,
): Promise<Settled> {
  const clearance = await command.sentBefore({ seq, callId, ...ready });
  return { result: unknownOutcome(name), outcome: 'unknown', clearance };
}

/** Sends a write that has a permit. When a stop keeps it from leaving, the journal says that it was not sent. */
async function sendWrite(
  task: TaskContext,
  seq: number,
  call: ToolCall,
  ready: CheckedCall & Pick<CallContext, 'mayLeave'>,
  clearance: Clearance | undefined,
): Promise<Settled | undefined> {
  const { signal, journal } = task;
  const result = signal.aborted ? CANCELLED : await send(task, seq, call, ready);
  if (!(signal.aborted && wasCancelled(result))) return { result, outcome: outcomeOf(result), clearance };
  await journal.settle({ seq, callId: call.callId }, 'none', settling(clearance, 'none', result));
  return undefined;
}

/** The rows that a clearance writes with an outcome. */
function settling(clearance: Clearance | undefined, outcome: Outcome, result: ToolResult) {
  return clearance && ((transaction: unknown) => clearance.settled(transaction, outcome, result));
}

/** The result of a write that a stop kept from leaving. */
const CANCELLED = failed('cancelled', 'The task was stopped before the call was sent.', 'none');

async function send(
  task: TaskContext,
  seq: number,
  call: ToolCall,
  ready: CheckedCall & Pick<CallContext, 'mayLeave'>,
): Promise<ToolResult> {
  try {
    return await observe(task.observer.send(observedOf(call, { ready })), () =>
      task.toolbox.send(ready, {
        signal: task.signal,
        stopWaitsFor: task.stopWaitsFor,
        mayLeave: ready.mayLeave,
        timeoutMs: task.limits.callTimeoutMs,
        key: `${task.sessionId}.${seq}.${call.callId}`,
      }),
    );
  } catch (error) {
    const effect = ready.tool.effect === 'write' ? 'unknown' : 'none';
    return failed('internal', `The call failed inside the server: ${messageOf(error)}`, effect);
  }
}

async function appendResult(
  { taskId, signal, isDirect, journal, questions, append }: TaskContext,
  { seq }: Round,
  { callId }: ToolCall,
  { result, outcome, clearance, closing }: Settled,
  progress: Progress,
): Promise<void> {
  progress.left -= 1;
  const roundDone = progress.left === 0 && !signal.aborted;
  const line = { type: 'tool_result', taskId, callId, result, roundDone } as const;
  if (closing) return questions.close(closing.question.question.id, ...endOf(taskId, closing), line);
  // The result is not awaited: the last line follows in the same tick, the store commits both together, and both fail together.
  if (isDirect && !outcome) return void append(line).catch(() => undefined);
  // Both are asked for in one tick of the event loop, so that the store makes them one transaction.
  await Promise.all([
    append(line),
    outcome && journal.settle({ seq, callId }, outcome, settling(clearance, outcome, result)),
  ]);
}

/** The line with which a question is over. The answer of a client is the result of its call, and needs no line. */
function endOf(taskId: string, { question, answer }: NonNullable<Settled['closing']>): MessageBody[] {
  const { callId, question: asked } = question;
  return asked.kind === 'approval'
    ? [{ type: 'question_answered', taskId, callId, id: asked.id, answer }]
    : [];
}

/** The outcome that a result reports. A result without an error is a call that was done. */
export function outcomeOf(result: ToolResult): Outcome {
  const effect = isObject(result['error']) ? result['error']['effect'] : 'done';
  return effect === 'none' || effect === 'unknown' ? effect : 'done';
}

/** Whether the signal came before the first byte left (contract of `CallContext.signal`). */
function wasCancelled(result: ToolResult): boolean {
  return isObject(result['error']) && result['error']['code'] === 'cancelled';
}

function unknownOutcome(name: string): ToolResult {
  return failed(
    'outcome_unknown',
    `The server was interrupted after "${name}" may have been sent. Whether it happened is not known, and it is not sent again by itself: read the device's state before deciding.`,
    'unknown',
  );
}

/** Waits for every promise, then throws the first failure: no call is left running behind an error. */
async function allSettled(promises: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(promises);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
