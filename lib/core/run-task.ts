import { AppError, messageOf } from '../errors.ts';
import { createCallLimits } from './call-limits.ts';
import { makeCalls, type Round } from './calls.ts';
import type { ModelReply, ReplyOptions } from './model.ts';
import { observe } from './observer.ts';
import type { TaskContext } from './task-context.ts';

/**
 * The agent loop: asks the model, makes the calls that it decides on, and asks again, until it answers without calls.
 * A task that was interrupted goes on where its log ends: the model is not asked again for a decision that is committed.
 * `isInherited`: an earlier owner may have sent calls of that decision.
 *
 * Contract:
 * - Appends every line of the task but its first line, its answer and its last line.
 * - Resolves with the answer. Rejects with an AppError when the model fails or a limit is reached, and with the signal's
 *   reason when the signal aborts; in both cases after every call that was sent has its result in the log.
 */
export async function runTask(task: TaskContext, isInherited: boolean): Promise<ModelReply> {
  const callLimits = createCallLimits(task.limits, task.toolStrategy);
  const interrupted = interruptedRound(task, isInherited);
  if (interrupted) await makeCalls(task, interrupted, callLimits);

  for (;;) {
    task.signal.throwIfAborted();
    checkRoundLimit(task);
    const reply = await askModel(task);
    if (reply.calls.length === 0) return reply;
    const round = await appendDecision(task, reply);
    await makeCalls(task, round, callLimits);
  }
}

/** A committed decision, some of whose calls have no result: an earlier owner left it behind, or the task began with it. */
function interruptedRound(
  { taskId, transcript, framing }: TaskContext,
  inherited: boolean,
): Round | undefined {
  const decision = transcript.openDecision(taskId);
  if (!decision) return undefined;
  const reply = transcript.view(taskId, Infinity, framing).findLast((line) => line.role === 'assistant');
  const calls = reply?.role === 'assistant' ? reply.calls : [];
  return {
    seq: decision.seq,
    inherited,
    calls: calls
      .map((call, index) => ({ call, index }))
      .filter(({ call }) => decision.callIds.includes(call.callId)),
  };
}

function checkRoundLimit({ taskId, transcript, limits }: TaskContext): void {
  if (transcript.decisionCount(taskId) < limits.taskRoundsMaxCount) return;
  throw new AppError(
    'limit_reached',
    `The task was ended after ${limits.taskRoundsMaxCount} rounds of tool calls (TASK_ROUNDS_MAX_COUNT).`,
  );
}

/** Asks the model. An empty reply decides nothing, so that the model is asked once more. */
async function askModel(task: TaskContext): Promise<ModelReply> {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const reply = await askOnce(task);
    if (reply.calls.length > 0 || reply.text.trim() !== '') return reply;
  }
  throw new AppError('model_error', 'The model gave an empty reply twice: neither a text nor a call.');
}

async function askOnce(task: TaskContext): Promise<ModelReply> {
  const { taskId, model, toolbox, transcript, framing, clientRepeats, limits, signal, observer } = task;
  const { onDelta, onReasoning } = task;
  const isFirst = transcript.decisionCount(taskId) === 0;
  const messages = transcript.view(taskId, limits.contextTokensMaxCount, framing);
  const options: ReplyOptions = {
    signal,
    ...(isFirst && clientRepeats && { retries: false }),
    ...(onDelta && { onDelta: counting(onDelta) }),
    ...(onReasoning && { onReasoning: counting(onReasoning) }),
  };
  try {
    const tools = await toolbox.offersFor(messages);
    const request = { messages, tools, ...(isFirst && toolbox.forced && { forced: toolbox.forced }) };
    const reply = await observe(observer.model(), () => model.reply(request, options));
    signal.throwIfAborted(); // a reply that arrives together with a stop decides nothing
    return reply;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError) throw error;
    throw new AppError('model_error', `The model failed: ${messageOf(error)}`, { cause: error });
  }
}

/** Tells the receiver of partial text how much of the reply came before each piece. */
function counting(receive: (text: string, at: number) => void): (text: string) => void {
  let length = 0;
  return (text) => {
    receive(text, length);
    length += text.length;
  };
}

/** Appends the model's decision, with the calls as they will be made. */
async function appendDecision({ taskId, toolbox, append }: TaskContext, reply: ModelReply): Promise<Round> {
  const calls = reply.calls.map((call) => toolbox.complete(call));
  const [line] = await append({ type: 'model_reply', taskId, ...reply, calls });
  return {
    seq: line!.seq,
    inherited: false,
    calls: calls.map((call, index) => ({ call, index })),
  };
}
