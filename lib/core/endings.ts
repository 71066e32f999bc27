import { AppError, toError } from '../errors.ts';

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

/** What a promise resolves with, or the signal's reason as soon as it aborts; the promise goes on by itself. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(toError(signal.reason));
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
