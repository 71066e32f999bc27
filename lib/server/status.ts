import { AppError, type ErrorCode } from '../errors.ts';

/** [RFC 9110 15, RFC 6585 4] */
const statuses = {
  invalid_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  precondition_failed: 412,
  too_large: 413,
  unsupported_media_type: 415,
  too_many_requests: 429,
  unavailable: 503,
  request_timeout: 408,
  timeout: 504,
  spec_invalid: 400,
  model_error: 502,
  task_rejected: 409,
  limit_reached: 429,
  stopped: 409,
  estop: 409,
  internal: 500,
} as const satisfies Record<ErrorCode, number>;

/** The HTTP status of an error [RFC 9110 15]. */
export function statusOf(code: ErrorCode): number {
  return statuses[code];
}

/** A thrown value as an AppError. Any other error becomes `internal`, and its text stays in the log. */
export function toAppError(error: unknown): AppError {
  return error instanceof AppError
    ? error
    : new AppError('internal', 'The server failed; its log says why.', { cause: error });
}

/** The headers of an error: `WWW-Authenticate` with a 401 [RFC 9110 11.6.1], `Retry-After` with a 429 or 503 [10.2.3]. */
export function errorHeaders(error: AppError): Record<string, string> {
  const status = statusOf(error.code);
  if (status === 401) return { 'WWW-Authenticate': 'Bearer' };
  if (status === 429 || status === 503)
    return { 'Retry-After': String(Math.ceil(error.retryAfterSeconds ?? 1)) };
  return {};
}
