/**
 * Whether a call may be sent. The people in command say so (`Command`): at once, or after a person has approved the call.
 *
 *   judge → send                       the call goes on
 *   judge → refuse                     the result is known, nothing is sent
 *   judge → ask → question_asked       the call waits, with its turn at the device; other devices go on
 *           answer: approve            question_answered, then `decide` says whether it still holds
 *           answer: reject, expired    question_answered and the result are one commit
 *           the task is stopped        the same, with `stopped`
 *           this node goes away        nothing: the question stays, and the next owner waits for the answer
 *
 * The question is a row of the store under the key of its call, so that a crash, a takeover and an answer on any node find
 * the same one.
 */
import type { Verdict } from './command.ts';
import { EquipmentOutdated } from './equipment.ts';
import type { QuestionAnswer, ToolResult } from './message.ts';
import type { FoundQuestion, StoredQuestion } from './store.ts';
import type { TaskCall, TaskContext } from './task-context.ts';
import { failed } from './tool.ts';

/** What a call may do: be sent, or have this result. `closing` is the question that is over with the result. */
export type Cleared =
  | Extract<Verdict, { kind: 'send' }>
  | { kind: 'refuse'; result: ToolResult; closing?: { question: StoredQuestion; answer: QuestionAnswer } };

/**
 * Takes a call through the steps above. Undefined: this node goes away, and the call stays as it is. `isInherited`: an earlier
 * owner may have asked already. Rejects with EquipmentOutdated when the device was changed meanwhile.
 */
export async function clearCall(
  task: TaskContext,
  call: TaskCall,
  isInherited: boolean,
): Promise<Cleared | undefined> {
  const left = isInherited ? await task.questions.find(call) : undefined;
  // The question of an earlier owner needs its end in the log, also when the task was stopped before this owner took it.
  if (task.signal.aborted) return left?.isOpen ? settleQuestion(task, call, left) : undefined;
  if (left?.answer && !left.isOpen) {
    const verdict = await task.command.decide(call, left, left.answer);
    if (verdict !== 'changed' && verdict.kind !== 'ask') return verdict;
  }
  const verdict = await task.command.judge(call);
  if (verdict.kind !== 'ask') return verdict;
  return settleQuestion(task, call, await askedQuestion(task, call, verdict, left));
}

/** The question of a call: the one that an earlier owner left open, if it is about the same device still, or a new one. */
async function askedQuestion(
  task: TaskContext,
  call: TaskCall,
  { question, digest }: Extract<Verdict, { kind: 'ask' }>,
  left: FoundQuestion | undefined,
): Promise<StoredQuestion> {
  const { seq, callId } = call;
  if (left?.isOpen) {
    if (left.digest === digest) return left;
    await closeQuestion(task, call, left, { kind: 'stopped' });
  }
  const asked = { seq, callId, question, digest };
  await task.questions.ask(asked);
  return { ...asked, taskId: task.taskId };
}

/** Says in the log how a question ended. */
function closeQuestion(
  { taskId, questions }: TaskContext,
  { callId }: TaskCall,
  { question: { id } }: StoredQuestion,
  answer: QuestionAnswer,
): Promise<void> {
  return questions.close(id, { type: 'question_answered', taskId, callId, id, answer });
}

async function settleQuestion(
  task: TaskContext,
  call: TaskCall,
  asked: StoredQuestion,
): Promise<Cleared | undefined> {
  const { question } = asked;
  const answer = asked.answer ?? (await task.questions.wait(question));
  if (!answer) return undefined;
  if (!isApproval(answer)) {
    await task.command.noteRefusal(call, answer);
    return { kind: 'refuse', result: refusalOf(answer), closing: { question: asked, answer } };
  }
  await closeQuestion(task, call, asked, answer);
  const verdict = await task.command.decide(call, asked, answer);
  if (verdict === 'changed' || verdict.kind === 'ask') throw new EquipmentOutdated();
  return verdict;
}

function isApproval(answer: QuestionAnswer): boolean {
  return answer.kind === 'decision' && answer.decision === 'approve';
}

/** The result of a call that nobody approved. */
function refusalOf(answer: QuestionAnswer): ToolResult {
  switch (answer.kind) {
    case 'decision':
      return failed(
        'rejected',
        `The call was rejected by ${answer.by}${answer.reason === undefined ? '.' : `: ${answer.reason}`}`,
        'none',
        answer.reason === undefined ? {} : { reason: answer.reason },
      );
    case 'expired':
      return failed('approval_expired', 'Nobody decided about the call in time; it was not sent.', 'none');
    case 'stopped':
    case 'result':
      return failed('stopped', 'The task was stopped before anybody decided about the call.', 'none');
  }
}
