import { faultsInWords } from '../../common/faults-in-words.ts';
import {
  AppError,
  ModelError,
  type ErrorCode,
  type Failure,
  type Fault,
  type ModelRefusal,
} from '../../errors.ts';
import type { FormattedError } from '../../server/mount.ts';
import { isOutcome } from '../../server/repeats.ts';
import { statusOf } from '../../server/status.ts';
import { withoutEndpointHost } from '../endpoint-host.ts';

/** OpenAI's `type` of each code. */
const types = {
  invalid_request: 'invalid_request_error',
  unauthorized: 'invalid_request_error',
  forbidden: 'invalid_request_error',
  not_found: 'invalid_request_error',
  conflict: 'invalid_request_error',
  precondition_failed: 'invalid_request_error',
  too_large: 'invalid_request_error',
  unsupported_media_type: 'invalid_request_error',
  too_many_requests: 'rate_limit_error',
  unavailable: 'server_error',
  request_timeout: 'invalid_request_error',
  timeout: 'server_error',
  spec_invalid: 'invalid_request_error',
  model_error: 'server_error',
  task_rejected: 'invalid_request_error',
  limit_reached: 'rate_limit_error',
  stopped: 'invalid_request_error',
  estop: 'invalid_request_error',
  internal: 'server_error',
} as const satisfies Record<ErrorCode, string>;

/** With these statuses a model's endpoint refuses the request itself. Only the caller can mend that, so the status is passed on. */
const passedOn = new Set([400, 404, 413, 422, 429]);

/** The status of work that had begun and failed: no client repeats it by itself. Some repeat 408, 409, 429 and 5xx without any mark. */
const OUTCOME_STATUS = 422;
/** OpenAI's clients obey this header, whatever the status is. */
const NO_RETRY = { 'x-should-retry': 'false' };

/**
 * An error in OpenAI's shape: `{"error":{message,type,param,code}}`. `param` is the first field with a fault. A refusal of the
 * model's endpoint has the endpoint's own words, code and field. Its host stays in the log.
 */
export function formatOpenAiError(error: AppError): FormattedError {
  if (error instanceof ModelError && !isOutcome(error)) return formatModelError(error);
  const [fault] = error.faults;
  return {
    ...(isOutcome(error) && { status: OUTCOME_STATUS, headers: NO_RETRY }),
    contentType: 'application/json',
    body: JSON.stringify({
      error: {
        message: error.message,
        type: types[error.code],
        param: fault ? fieldOf(fault.pointer) || null : null,
        // OpenAI's own code for any bad credential.
        code: statusOf(error.code) === 401 ? 'invalid_api_key' : error.code,
      },
    }),
  };
}

/** A failure of the model's endpoint. Its status is passed on where the caller can mend it; else it is that of `model_error`. */
function formatModelError({ code, refusal, message, retryAfterSeconds }: ModelError): FormattedError {
  const status = refusal && passedOn.has(refusal.status) ? refusal.status : undefined;
  const type = status === 429 ? 'rate_limit_error' : 'invalid_request_error';
  const error = {
    message: messageOfFailure({ code, message, ...(refusal && { refusal }) }),
    type: status === undefined ? types[code] : type,
    param: refusal?.param ?? null,
    code: refusal?.code ?? code,
  };
  return {
    ...(status !== undefined && { status }),
    ...(retryAfterSeconds !== undefined && { headers: { 'Retry-After': String(retryAfterSeconds) } }),
    contentType: 'application/json',
    body: JSON.stringify({ error }),
  };
}

/** The error for a cursor of a list that names nothing; `thing` is the thing that it must name. */
export function unknownCursor(name: string, thing: string): AppError {
  return invalidField(name, `is not the id of ${thing}`);
}

/** The error for a field of a request; `detail` follows its name. OpenAI's `param` names the field. */
export function invalidField(field: string, detail: string): AppError {
  return invalidRequest([{ pointer: `/${field.replaceAll('.', '/')}`, detail }]);
}

/** More faults help nobody, and each of them takes time. */
const FAULTS_MAX_COUNT = 100;

/** The faults of a request. OpenAI's shape of errors has one text for all of them. */
export class RequestFaults {
  readonly #faults: Fault[] = [];

  /** Makes a check, and keeps the faults of an `invalid_request`. Every other error passes. */
  check(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.keep(error);
    }
  }

  /** Keeps the faults of an `invalid_request`, and throws them all where there are too many. Throws every other error. */
  keep(error: unknown): void {
    const faults = error instanceof AppError && error.code === 'invalid_request' ? error.faults : [];
    if (faults.length === 0) throw error;
    for (const fault of faults) this.#faults.push(fault);
    if (this.#faults.length >= FAULTS_MAX_COUNT) this.refuse();
  }

  /** Throws one `invalid_request` with all faults; nothing where there are none. */
  refuse(): void {
    if (this.#faults.length > 0) throw invalidRequest(this.#faults);
  }
}

function invalidRequest(faults: readonly Fault[]): AppError {
  return new AppError('invalid_request', `The request is not valid: ${faultsInWords(faults, fieldOf)}.`, {
    faults,
  });
}

/** The name of a field at a pointer, as OpenAI's `param` has it. */
function fieldOf(pointer: string): string {
  return pointer.slice(1).replaceAll('/', '.');
}

/** The words for a failed task, without the host of the model's endpoint. */
export function messageOfFailure(error: Failure | undefined): string {
  if (!error) return 'The task failed.';
  const { refusal, message } = error;
  if (!refusal) return withoutEndpointHost(message);
  return refusalText(refusal);
}

/** The words for a refusal by the model's endpoint. The endpoint's own words have no secret (errors.ts). */
function refusalText({ status, words }: ModelRefusal): string {
  return `The model refused the request with ${status}${words ? `: ${words}` : ''}`;
}
