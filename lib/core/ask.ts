import { AppError } from '../errors.ts';
import type { Message } from './message.ts';
import type { EndReason, NewTask, Session } from './session.ts';
import { turnsOf, type Turn } from './turns.ts';
import { until } from './until.ts';

/** How a task is asked for. */
export interface AskOptions {
  /** Aborts when the client disconnects: the task is stopped then. */
  signal: AbortSignal;
  /** Receives partial text while the model speaks. */
  onDelta?: (text: string) => void;
  /** Is called when the task is accepted: from here on it may reach devices. */
  onBegin?: () => void;
}

/**
 * Submits a task and waits until it has ended, in whichever way; the task's own deadline bounds the wait.
 *
 * Rejects with an AppError when the task is not accepted, when the session ends before the task does (`stopped`,
 * `not_found`, `unavailable`), and with `stopped` when the signal aborts before the task is submitted.
 */
export async function ask(
  session: Session,
  task: NewTask & { taskId: string },
  { signal, onDelta, onBegin }: AskOptions,
): Promise<Turn> {
  const { taskId } = task;
  const lines: Message[] = [];
  const { found, fail } = until<Turn>({
    subscribe: (subscriber, after) => session.subscribe(subscriber, after),
    find(line) {
      if (!('taskId' in line) || line.taskId !== taskId) return undefined;
      lines.push(line);
      return line.type === 'task_ended' ? turnOf(lines) : undefined;
    },
    onEnd: (reason) => {
      throw endError(reason);
    },
    ...(onDelta && {
      onDelta: (delta) => delta.taskId === taskId && delta.kind === 'answer' && onDelta(delta.text),
    }),
  });
  const stop = (): void => {
    session.stop(taskId).catch(() => undefined); // the task's deadline ends it then
  };
  try {
    if (signal.aborted) throw new AppError('stopped', 'The client disconnected.');
    await session.submit({ ...task, stream: onDelta !== undefined, fresh: true });
    onBegin?.();
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    return await found;
  } catch (error) {
    fail(error);
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function turnOf(lines: readonly Message[]): Turn {
  const [turn] = turnsOf(lines);
  if (!turn) throw new AppError('stopped', 'The task was stopped before it began.');
  return turn;
}

/** The error for somebody who waits for a session that has ended. */
export function endError(reason: EndReason): AppError {
  switch (reason) {
    case 'cleared':
      return new AppError('stopped', 'The conversation was emptied.');
    case 'draining':
      return new AppError('unavailable', 'The server is going away; try again.');
    case 'expired':
    case 'removed':
      return new AppError('not_found', 'The conversation is gone.');
  }
}
