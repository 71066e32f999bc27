import { AppError } from '../errors.ts';

type Work = (...args: never[]) => Promise<unknown>;

/** The same functions; what the database throws comes as an AppError `unavailable`, with the reason as its cause. */
export function withAppErrors<Parts extends { [Name in keyof Parts]: Work }>(parts: Parts): Parts {
  const wrapped = Object.entries<Work>(parts).map(([name, work]) => [
    name,
    (...args: never[]) => work(...args).catch(refuse),
  ]);
  return Object.fromEntries(wrapped) as Parts;
}

function refuse(error: unknown): never {
  if (error instanceof AppError) throw error;
  throw new AppError('unavailable', 'The database does not answer as it should; try again.', {
    cause: error,
    retryAfterSeconds: 1,
  });
}
