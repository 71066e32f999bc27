import { AppError } from '../../lib/errors.ts';

/** What a promise rejects with; fails the spec when it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const nothing = Symbol('resolved');
  const outcome = await promise.then(
    () => nothing,
    (reason: unknown) => reason,
  );
  if (outcome === nothing) throw new Error('the promise was expected to reject, and it resolved');
  return outcome;
}

/** The AppError that a promise rejects with; fails the spec when it resolves, or rejects with anything else. */
export async function refusalOf(promise: Promise<unknown>): Promise<AppError> {
  const reason = await rejection(promise);
  if (reason instanceof AppError) return reason;
  throw reason;
}

/** The code of the AppError that a promise rejects with. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  return (await refusalOf(promise)).code;
}

/** The code of the AppError that a promise rejects with, any other rejection as a text, or `nothing was thrown`. */
export async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );
  return outcome instanceof AppError ? outcome.code : String(outcome);
}
