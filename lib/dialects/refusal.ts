import { AppError, type ErrorCode } from '../errors.ts';
import type { FormattedError } from '../server/mount.ts';
import { withoutEndpointHost } from './endpoint-host.ts';

/** An error whose HTTP status a contract names. */
export class Refusal extends AppError {
  override readonly name = 'Refusal';
  /** The HTTP status. */
  readonly status: number;
  constructor(status: number, message: string, code: ErrorCode = 'invalid_request') {
    super(code, message);
    this.status = status;
  }
}

/** The refusal of a user's new password that is the present one. */
export function samePassword(): Refusal {
  return new Refusal(400, 'The password is the same as before.');
}

/**
 * An error as `{"detail":"…"}`, the shape of FastAPI. A body or query with faults has the status 422 there. Contracts 4 and 5 have this
 * shape; a status that they name for one call comes as a Refusal.
 */
export function formatDetail(error: AppError): FormattedError {
  const body = JSON.stringify({ detail: withoutEndpointHost(error.message) });
  const contentType = 'application/json';
  if (error instanceof Refusal) return { contentType, body, status: error.status };
  return error.code === 'invalid_request' ? { contentType, body, status: 422 } : { contentType, body };
}
