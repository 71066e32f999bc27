import { AppError, StoreFailure } from '../errors.ts';
import type { Engine } from './engine.ts';

const DATABASE_FAILED = 'The database does not answer as it should; try again.';
/** A broken connection is replaced within this time. */
const RETRY_AFTER_SECONDS = 1;
/** Freeing space takes a person. */
const DISK_RETRY_AFTER_SECONDS = 10;

/** A write was refused because a unique column has the value already; `column` is its name, or the name of an index. */
export class UniqueViolation extends AppError {
  override readonly name = 'UniqueViolation';
  readonly column: string;
  constructor(column: string, cause: unknown) {
    // A caller that does not expect it has not written anything, as after any other failure of the database.
    super('unavailable', DATABASE_FAILED, { cause, retryAfterSeconds: RETRY_AFTER_SECONDS });
    this.column = column;
  }
}

/** The disk of the database is full: nothing can be written until somebody frees space. */
export class DiskFull extends StoreFailure {
  override readonly name = 'DiskFull';
  constructor(cause: unknown) {
    super('unavailable', 'The disk of the database is full: free some space. Nothing is lost.', {
      cause,
      retryAfterSeconds: DISK_RETRY_AFTER_SECONDS,
    });
  }
}

/** The AppError for an error of an engine: `invalid_request`, `unavailable`, `internal`, or a UniqueViolation. */
export function databaseFailureOf(error: unknown, engine: Pick<Engine, 'faultOf'>): AppError {
  if (error instanceof AppError) return error;
  const fault = engine.faultOf(error);
  if (fault?.kind === 'taken') return new UniqueViolation(fault.column, error);
  if (fault?.kind === 'unstorable')
    return new AppError('invalid_request', 'A text holds the character U+0000, which cannot be stored.', {
      cause: error,
    });
  if (fault?.kind === 'full') return new DiskFull(error);
  if (fault?.kind === 'wrong')
    return new AppError('internal', 'The server failed; its log says why.', { cause: error });
  return new StoreFailure('unavailable', DATABASE_FAILED, {
    cause: error,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}
