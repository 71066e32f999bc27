import { parsePointer } from '../../common/json-pointer.ts';
import type { JsonObject } from '../../common/json.ts';
import { AppError, type ErrorCode } from '../../errors.ts';
import type { FormattedError } from '../../server/mount.ts';
import { withoutEndpointHost } from '../endpoint-host.ts';

/** The shape of every answer under `/apps` (contract 3). */
export interface Answer {
  code: AnswerCode;
  data: JsonObject;
  message: string;
}

/** The HTTP status of each code (contract 3). */
const httpStatuses = {
  success: 200,
  fail: 400,
  not_found: 404,
  unauthorized: 401,
  forbidden: 403,
  validate_error: 400,
} as const;

type AnswerCode = keyof typeof httpStatuses;

/** The code of each kind of error: this contract has six codes only. */
const codes = {
  invalid_request: 'validate_error',
  unauthorized: 'unauthorized',
  forbidden: 'forbidden',
  not_found: 'not_found',
  conflict: 'fail',
  precondition_failed: 'fail',
  too_large: 'validate_error',
  unsupported_media_type: 'validate_error',
  too_many_requests: 'fail',
  unavailable: 'fail',
  request_timeout: 'validate_error',
  timeout: 'fail',
  spec_invalid: 'validate_error',
  model_error: 'fail',
  task_rejected: 'fail',
  limit_reached: 'fail',
  stopped: 'fail',
  estop: 'fail',
  internal: 'fail',
} as const satisfies Record<ErrorCode, AnswerCode>;

/** The answer of a success; `message` only where the contract has a text. */
export function success(data: object = {}, message = ''): Answer {
  return { code: 'success', data: data as JsonObject, message };
}

/** The answer of an error. Its data are the faults by field, and its message is the first fault, if there is one. */
export function failure(error: AppError): Answer {
  const data: Record<string, string[]> = {};
  for (const { pointer, detail } of error.faults) {
    const field = (parsePointer(pointer) ?? []).join('.');
    (data[field || 'body'] ??= []).push(`${field || 'the body'} ${detail}`);
  }
  const [first] = Object.values(data);
  return { code: codes[error.code], data, message: first?.[0] ?? withoutEndpointHost(error.message) };
}

/** The code of a failed task, if it is one of those that clients see as `fail`; else `model_error`: the app is at fault, not the call. */
export function failureOf(code: string): ErrorCode {
  return Object.entries(codes).some(([known, shown]) => known === code && shown === 'fail')
    ? (code as ErrorCode)
    : 'model_error';
}

/** An error as `{code, data, message}`. Its HTTP status follows the code, or is always 200 (LLMOPS_HTTP_STATUS). */
export function formatFailure(error: AppError, statuses: 'code' | 'always200'): FormattedError {
  const answer = failure(error);
  // A failure of the server is `fail`, as the contract says, but not the client's fault: so it has a status of its own.
  const own = error.code === 'internal' ? 500 : error.code === 'unavailable' ? 503 : undefined;
  const status = statuses === 'always200' ? 200 : (own ?? httpStatuses[answer.code]);
  return { status, contentType: 'application/json', body: JSON.stringify(answer) };
}
