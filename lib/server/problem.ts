import { STATUS_CODES } from 'node:http';
import type { AppError } from '../errors.ts';
import type { FormattedError } from './mount.ts';
import { statusOf } from './status.ts';

/** An error as problem details [RFC 9457]. Its faults are in `errors`, each with a JSON pointer and a text. */
export function formatProblem(error: AppError, status: number = statusOf(error.code)): FormattedError {
  const problem = {
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail: error.message,
    ...(error.faults.length > 0 && { errors: error.faults }),
  };
  return { contentType: 'application/problem+json', body: JSON.stringify(problem) };
}
