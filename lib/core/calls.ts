/**
 * The calls of one model reply. Each call goes through the same steps:
 *
 *   check limits → check arguments → wait for its turn → permit (writes only) → send → settle with the result
 *
 * The permit is a row of the journal. It is committed before the first byte of a write leaves, and it is given once. The
 * result and the outcome are one transaction. So for every moment at which a node may die, the next owner knows what to do:
 *
 *   the node dies …                       in the log   in the journal       the next owner
 *   before the decision is committed      –            –                    asks the model again
 *   before the permit is committed        decision     –                    makes the call
 *   before or after a write is sent       decision     sent                 reports `outcome_unknown`, sends nothing
 *   before or after a read is sent        decision     – (reads have none)  sends the read again
 *   before the result is committed        decision     sent                 reports `outcome_unknown`, sends nothing
 *   after the result is committed         result       done, none, unknown  has nothing to do
 *
 * A stop aborts the signal. A call that has not been sent is dropped then and gets no result; a call that has been sent
 * is awaited and gets one. After a crash, a write that may have been sent gets its `outcome_unknown` even in a stopped task.
 */
import { isObject } from '../common/json.ts';
import { messageOf } from '../errors.ts';
import type { CallLimits } from './call-limits.ts';
import { CallOrder } from './call-order.ts';
import type { ToolCall, ToolResult } from './message.ts';
import type { Outcome } from './store.ts';
import type { TaskContext } from './task-context.ts';
import { failed, type Effect } from './tool.ts';
import type { CheckedCall, Toolbox } from './toolbox.ts';

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
}

/** A call after the checks: ready to be sent, or answered already. */
type Checked = Awaited<ReturnType<Toolbox['check']>>;

/**
 * Makes the calls of a round, and appends each result as it comes.
 *
 * Contract: settles only when no call is under way. Rejects when a line or the journal cannot be written.
 */
export async function makeCalls(task: TaskContext, round: Round, limits: CallLimits): Promise<void> {
  if (task.signal.aborted && !round.inherited) return;
  const checks = await Promise.all(round.calls.map((asked) => checkCall(task, asked, limits)));
  const order = new CallOrder(task.toolStrategy);
  const progress = { left: round.calls.length };
  const results = round.calls.map(({ call }, index) => {
    const checked = checks[index]!;
    const { device, effect } = placeOf(checked);
    return order.run(device, effect, async () => {
      const settled = await makeCall(task, round, call, checked);
      if (settled) await appendResult(task, round, call, settled, progress);
    });
  });
  await allSettled(results);
}

/** Asks the limits at once, so that they see the calls in the order of the reply, and then checks the arguments. */
function checkCall(task: TaskContext, { call, index }: RoundCall, limits: CallLimits): Promise<Checked> {
  const refused = limits.refuse(call, index);
  return refused ? Promise.resolve({ answered: refused }) : task.toolbox.check(call);
}

/** The device of a call, for the order of calls. A call that is answered already goes to no device. */
function placeOf(checked: Checked): { device: string | undefined; effect: Effect } {
  if ('answered' in checked) return { device: undefined, effect: 'read' };
  const { tool, connection } = checked.ready;
  return { device: tool.device?.(connection), effect: tool.effect };
}

/** Takes a checked call through the other steps. Undefined when a stop came before the call was sent. */
async function makeCall(
  task: TaskContext,
  round: Round,
  call: ToolCall,
  checked: Checked,
): Promise<Settled | undefined> {
  const { signal, journal } = task;
  if ('answered' in checked) return signal.aborted ? undefined : { result: checked.answered };
  const { ready } = checked;
  if (ready.tool.effect === 'read')
    return signal.aborted ? undefined : sendRead(task, round.seq, call, ready);

  if (signal.aborted && !round.inherited) return undefined;
  const { seq } = round;
  const { callId, name } = call;
  if (!(await journal.permit({ seq, callId, tool: name, arguments: ready.arguments })))
    return { result: unknownOutcome(name), outcome: 'unknown' };
  return sendWrite(task, round.seq, call, ready);
}

async function sendRead(
  task: TaskContext,
  seq: number,
  call: ToolCall,
  ready: CheckedCall,
): Promise<Settled | undefined> {
  const result = await send(task, seq, call, ready);
  return task.signal.aborted && wasCancelled(result) ? undefined : { result };
}

/** Sends a write that has a permit. When a stop keeps it from leaving, the journal says that it was not sent. */
async function sendWrite(
  task: TaskContext,
  seq: number,
  call: ToolCall,
  ready: CheckedCall,
): Promise<Settled | undefined> {
  const { signal, journal } = task;
  const result = signal.aborted ? undefined : await send(task, seq, call, ready);
  if (result && !(signal.aborted && wasCancelled(result))) return { result, outcome: outcomeOf(result) };
  await journal.settle({ seq, callId: call.callId }, 'none');
  return undefined;
}

async function send(task: TaskContext, seq: number, call: ToolCall, ready: CheckedCall): Promise<ToolResult> {
  try {
    return await task.toolbox.send(ready, {
      signal: task.signal,
      stopWaitsFor: task.stopWaitsFor,
      timeoutMs: task.limits.callTimeoutMs,
      key: `${task.sessionId}.${seq}.${call.callId}`,
    });
  } catch (error) {
    const effect = ready.tool.effect === 'write' ? 'unknown' : 'none';
    return failed('internal', `The call failed inside the server: ${messageOf(error)}`, effect);
  }
}

async function appendResult(
  { taskId, signal, journal, append }: TaskContext,
  { seq }: Round,
  { callId }: ToolCall,
  { result, outcome }: Settled,
  progress: { left: number },
): Promise<void> {
  progress.left -= 1;
  const roundDone = progress.left === 0 && !signal.aborted;
  // Both are asked for in one tick of the event loop, so that the store makes them one transaction.
  await Promise.all([
    append({ type: 'tool_result', taskId, callId, result, roundDone }),
    outcome && journal.settle({ seq, callId }, outcome),
  ]);
}

/** The outcome that a result reports. A result without an error is a call that was done. */
function outcomeOf(result: ToolResult): Outcome {
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
