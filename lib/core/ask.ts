import { AppError } from '../errors.ts';
import type { Message } from './message.ts';
import type { EndReason, NewTask, Session } from './session.ts';
import { turnsOf, type Turn } from './turns.ts';

export interface AskOptions {
  /** Whoever asked has gone: the task is stopped. */
  signal: AbortSignal;
  /** With it the model's words come while it speaks. */
  onDelta?: (text: string) => void;
}

/**
 * Hands a task in and waits until it has ended, however it did; the task's own deadline is the wait's. Rejects with an
 * AppError when it is not accepted, when the session ends meanwhile (`stopped`, `not_found`, `unavailable`), or `stopped` by the signal.
 */
export async function ask(
  session: Session,
  task: NewTask & { taskId: string },
  { signal, onDelta }: AskOptions,
): Promise<Turn> {
  const { taskId } = task;
  const lines: Message[] = [];
  let leave = (): void => undefined;
  // From before it is handed in: what is said at once is not missed.
  const ended = new Promise<Turn>((resolve, reject) => {
    leave = session.subscribe({
      messages(batch) {
        for (const line of batch) {
          if (!('taskId' in line) || line.taskId !== taskId) continue;
          lines.push(line);
          if (line.type !== 'task_ended') continue;
          const [turn] = turnsOf(lines);
          if (turn) resolve(turn);
          else reject(new AppError('stopped', 'The task was stopped before it began.'));
        }
      },
      delta(delta) {
        if (delta.taskId === taskId) onDelta?.(delta.text);
      },
      ended: (reason) => reject(endOf(reason)),
    });
  });
  ended.catch(() => undefined); // nobody waits for it when the task is not accepted
  const gone = (): void => {
    void session.stop(taskId).catch(() => undefined); // it ends by its deadline then
  };
  try {
    if (signal.aborted) throw new AppError('stopped', 'Whoever asked has gone.');
    await session.submit({ ...task, stream: onDelta !== undefined, fresh: true });
    if (signal.aborted) gone();
    signal.addEventListener('abort', gone, { once: true });
    return await ended;
  } finally {
    signal.removeEventListener('abort', gone);
    leave();
  }
}

function endOf(reason: EndReason): AppError {
  if (reason === 'cleared') return new AppError('stopped', 'The conversation was emptied.');
  if (reason === 'draining') return new AppError('unavailable', 'The server is going away; try again.');
  return new AppError('not_found', 'The conversation is gone.');
}
