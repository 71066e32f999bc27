import { AppError } from '../errors.ts';

/** [PostgreSQL appendix A] character_not_in_repertoire; JSON texts have it escaped, names and ids do not. */
const UNSTORABLE = '22021';

type Work = (...args: never[]) => Promise<unknown>;

/**
 * The same functions; what the database throws comes as an AppError: `invalid_request` for a text that it cannot hold, else
 * `unavailable`, with the reason as its cause.
 */
export function withAppErrors<Parts extends { [Name in keyof Parts]: Work }>(parts: Parts): Parts {
  const wrapped = Object.entries<Work>(parts).map(([name, work]) => [
    name,
    (...args: never[]) => work(...args).catch(refuse),
  ]);
  return Object.fromEntries(wrapped) as Parts;
}

function refuse(error: unknown): never {
  if (error instanceof AppError) throw error;
  if (error instanceof Error && 'code' in error && error.code === UNSTORABLE)
    throw new AppError('invalid_request', 'A text holds the character U+0000, which cannot be stored.', {
      cause: error,
    });
  throw new AppError('unavailable', 'The database does not answer as it should; try again.', {
    cause: error,
    retryAfterSeconds: 1,
  });
}
