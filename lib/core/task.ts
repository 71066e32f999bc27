import { AppError, messageOf } from '../errors.ts';
import { isObject } from '../common/json.ts';
import type { Message, MessageBody, ToolCall, ToolResult } from './message.ts';
import type { Model, ModelReply } from './model.ts';
import type { Outcome } from './store.ts';
import { failed } from './tool.ts';
import type { CheckedCall, Toolbox } from './toolbox.ts';
import type { Framing, Transcript } from './transcript.ts';
import type { Strategy } from './session-config.ts';

/** What bounds a task. Counts per task or reply; times in ms. */
export interface TaskLimits {
  taskRoundsMaxCount: number;
  replyCallsMaxCount: number;
  identicalCallsMaxCount: number;
  callTimeoutMs: number;
  /** What of the conversation is shown to the model at most, in tokens. */
  contextTokensMaxCount: number;
}

export interface TaskInput {
  sessionId: string;
  taskId: string;
  model: Model;
  toolbox: Toolbox;
  toolStrategy: Strategy;
  transcript: Transcript;
  framing?: Framing | undefined;
  limits: TaskLimits;
  /** Stop: nothing new is sent after it; what is on the wire is let finish. */
  signal: AbortSignal;
  /** Resolves once the lines are committed (and shown to the transcript). */
  append(...bodies: MessageBody[]): Promise<Message[]>;
  /** The permission to send a write call, committed: false when it was given before (the call may have been sent). */
  permit(seq: number, call: ToolCall, checked: CheckedCall): Promise<boolean>;
  /** Notes what became of a permitted call. */
  settle(seq: number, call: ToolCall, outcome: Outcome): Promise<void>;
  onDelta?: (text: string) => void;
}

/**
 * Works one user request to its end: model → tools → model, until the model answers without calls. Appends everything
 * but the task's first line, its answer and its last. Resolves with the answer; rejects with an AppError (model failure, limit), or with
 * the signal's reason when stopped, always after every call on the wire has its result in the log. A task that was
 * interrupted goes on where its log ends: a committed decision is not asked again.
 */
export async function runTask(task: TaskInput): Promise<ModelReply> {
  const { taskId, model, toolbox, transcript, limits, signal } = task;
  let open = transcript.openDecision(taskId);
  let calls = open ? callsOf(transcript, taskId, open.callIds) : [];
  let seq = open?.seq ?? 0;
  /** Whether its calls may have been sent by a process that is gone. */
  let inherited = open !== undefined;
  const repeats = { key: '', count: 0 };

  for (;;) {
    if (!open) {
      if (transcript.rounds(taskId) >= limits.taskRoundsMaxCount)
        throw new AppError(
          'limit_reached',
          `The task was ended after ${limits.taskRoundsMaxCount} rounds of tool calls (TASK_ROUNDS_MAX_COUNT).`,
        );
      signal.throwIfAborted();
      const reply = await ask();
      signal.throwIfAborted(); // what came with the stop is not decided any more
      if (reply.calls.length === 0) return reply;
      const [line] = await task.append({ type: 'model_reply', taskId, ...reply });
      calls = reply.calls.map((call, index) => ({ call, index }));
      seq = line!.seq;
    }
    open = undefined;
    await runCalls();
    inherited = false;
    signal.throwIfAborted();
  }

  async function ask(): Promise<ModelReply> {
    const messages = transcript.view(taskId, limits.contextTokensMaxCount, task.framing);
    const options = task.onDelta ? { signal, onDelta: task.onDelta } : { signal };
    try {
      return await model.reply({ messages, tools: await toolbox.offersFor(messages) }, options);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof AppError
        ? error
        : new AppError('model_error', `The model failed: ${messageOf(error)}`, { cause: error });
    }
  }

  async function runCalls(): Promise<void> {
    let left = calls.length;
    const one = async ({ call, index }: AskedCall): Promise<void> => {
      const made = await make(call, index);
      if (!made) return;
      left -= 1;
      const roundDone = left === 0 && !signal.aborted;
      // In one event-loop tick, so that result and outcome are one transaction.
      const logged = task.append({
        type: 'tool_result',
        taskId,
        callId: call.callId,
        result: made.result,
        roundDone,
      });
      await Promise.all([logged, made.outcome && task.settle(seq, call, made.outcome)]);
    };
    if (task.toolStrategy === 'serial') for (const call of calls) await one(call);
    else await settleAll(calls.map(one));
  }

  /** The call's result, and its outcome where it was permitted; undefined when it was not made because of a stop. */
  async function make(
    call: ToolCall,
    index: number,
  ): Promise<{ result: ToolResult; outcome?: Outcome } | undefined> {
    if (signal.aborted && !inherited) return undefined;
    const refusal = overLimit(call, index);
    const checked = refusal ? { answered: refusal } : await toolbox.check(call);
    if ('answered' in checked) return signal.aborted ? undefined : { result: checked.answered };
    const { ready } = checked;
    const write = ready.tool.effect === 'write';
    // Also after a stop: what may have been sent is told.
    if (signal.aborted && !(inherited && write)) return undefined;
    if (write && !(await task.permit(seq, call, ready)))
      return { result: unknownOutcome(call), outcome: 'unknown' };
    if (signal.aborted) {
      await task.settle(seq, call, 'none');
      return undefined;
    }
    const result = await send(ready, call.callId);
    if (signal.aborted && wasCancelled(result)) {
      if (write) await task.settle(seq, call, 'none');
      return undefined;
    }
    return write ? { result, outcome: outcomeOf(result) } : { result };
  }

  async function send(ready: CheckedCall, callId: string): Promise<ToolResult> {
    try {
      return await toolbox.send(ready, {
        signal,
        timeoutMs: limits.callTimeoutMs,
        key: `${task.sessionId}.${seq}.${callId}`,
      });
    } catch (error) {
      const effect = ready.tool.effect === 'write' ? 'unknown' : 'none';
      return failed('internal', `The call failed inside the server: ${messageOf(error)}`, effect);
    }
  }

  function overLimit(call: ToolCall, index: number): ToolResult | undefined {
    if (index >= limits.replyCallsMaxCount)
      return failed(
        'limit_reached',
        `Only ${limits.replyCallsMaxCount} calls of one reply are made; ask for the rest in the next reply.`,
        'none',
      );
    if (task.toolStrategy === 'reject' && index > 0)
      return failed(
        'rejected',
        'Only one call at a time in this session; ask for this one in the next reply.',
        'none',
      );
    const key = `${call.name} ${JSON.stringify(call.arguments)}`;
    repeats.count = key === repeats.key ? repeats.count + 1 : 1;
    repeats.key = key;
    if (repeats.count > limits.identicalCallsMaxCount)
      return failed(
        'limit_reached',
        `The same call was made ${limits.identicalCallsMaxCount} times in a row; it is not made again. Answer with what is known.`,
        'none',
      );
    return undefined;
  }
}

/** A call and its place among those of its reply. */
interface AskedCall {
  call: ToolCall;
  index: number;
}

function callsOf(transcript: Transcript, taskId: string, callIds: readonly string[]): AskedCall[] {
  const lines = transcript.view(taskId, Infinity);
  const reply = lines.findLast((line) => line.role === 'assistant');
  if (reply?.role !== 'assistant') return [];
  return reply.calls
    .map((call, index) => ({ call, index }))
    .filter(({ call }) => callIds.includes(call.callId));
}

function outcomeOf(result: ToolResult): Outcome {
  const effect = isObject(result['error']) ? result['error']['effect'] : 'done';
  return effect === 'none' || effect === 'unknown' ? effect : 'done';
}

/** The signal came before its first byte left. */
function wasCancelled(result: ToolResult): boolean {
  return isObject(result['error']) && result['error']['code'] === 'cancelled';
}

function unknownOutcome(call: ToolCall): ToolResult {
  return failed(
    'outcome_unknown',
    `The server was interrupted after "${call.name}" may have been sent. Whether it happened is not known, and it is not sent again by itself: read the device's state before deciding.`,
    'unknown',
  );
}

/** Waits for all, then throws the first failure. */
async function settleAll(promises: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(promises);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
