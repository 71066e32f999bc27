import { AppError } from '../errors.ts';

/** Why a task is aborted when its node goes away: it goes on elsewhere. */
export const LEAVING = new AppError('stopped', 'The server is going away.');

/** Why a task is aborted by a stop. */
export function stopped(): AppError {
  return new AppError('stopped', 'The task was stopped.');
}

/** Why a task is aborted that takes too long. */
export function tooLong(ms: number): AppError {
  return new AppError('timeout', `The task was ended after ${ms} ms (TASK_TIMEOUT_MS).`);
}

/** Resolves after so many ms; keeps no process alive. */
export function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
