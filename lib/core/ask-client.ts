import type { Clock } from '../common/clock.ts';
import type { JsonObject } from '../common/json.ts';
import type { QuestionAnswer, Question, ToolResult } from './message.ts';
import type { StoredQuestion } from './store.ts';
import type { TaskContext } from './task-context.ts';
import { failed } from './tool.ts';

/** A call to a client's own function. */
export interface ClientCall {
  seq: number;
  callId: string;
  name: string;
  arguments: JsonObject;
  /** An earlier owner may have asked already. */
  isInherited: boolean;
}

/**
 * Asks the client for the result of a call to its own function, and waits for it. Undefined when this node goes away: the next
 * owner waits for the same answer.
 */
export async function askClient(
  task: TaskContext,
  call: ClientCall,
): Promise<
  { result: ToolResult; closing: { question: StoredQuestion; answer: QuestionAnswer } } | undefined
> {
  const { seq, callId, isInherited } = call;
  const left = isInherited ? await task.questions.find({ seq, callId }) : undefined;
  if (!left && task.signal.aborted) return undefined;
  const question = left ?? (await ask(task, call));
  const answer = question.answer ?? (await task.questions.wait(question.question));
  return answer && { result: resultOf(answer, call.name), closing: { question, answer } };
}

async function ask(task: TaskContext, call: ClientCall): Promise<StoredQuestion> {
  const { clock, limits, taskId } = task;
  const { seq, callId, name, arguments: parameters } = call;
  const question = clientQuestion(clock, limits.clientAnswerTimeoutMs, name, parameters);
  const asked = { seq, callId, question, digest: '' };
  await task.questions.ask(asked);
  return { ...asked, taskId };
}

function clientQuestion(clock: Clock, timeoutMs: number, name: string, parameters: JsonObject): Question {
  return { id: `ask_${clock.newId()}`, kind: 'result', name, parameters, expiresAt: clock.now() + timeoutMs };
}

function resultOf(answer: QuestionAnswer, name: string): ToolResult {
  switch (answer.kind) {
    case 'result':
      return answer.result;
    case 'expired':
      return failed('answer_expired', `The client gave no result of "${name}" in time.`, 'unknown');
    case 'decision':
    case 'stopped':
      return failed(
        'stopped',
        `The task was stopped before the client gave the result of "${name}".`,
        'unknown',
      );
  }
}
