import { blotSecrets } from './secrets.ts';

/** The kinds of failure of a request, a document, a device or a model, as callers see them. Each dialect maps every code (`satisfies Record<ErrorCode, …>`). */
export type ErrorCode =
  | 'invalid_request' // the body, query or frame does not validate
  | 'unauthorized' // no or bad credentials
  | 'forbidden' // known caller, not allowed
  | 'not_found' // unknown, expired, or not the caller's
  | 'conflict' // the same id with another content, or a lost update
  | 'precondition_failed' // the version that the caller knows is not the newest
  | 'too_large' // a body, frame or file over its limit
  | 'unsupported_media_type'
  | 'too_many_requests'
  | 'unavailable' // draining, or a dependency is down; try again
  | 'request_timeout' // the client sent its request too slowly
  | 'timeout'
  | 'spec_invalid' // an openspec document cannot be used
  | 'model_error' // the language model's endpoint failed
  | 'task_rejected' // the session is busy and its strategy is `reject`
  | 'limit_reached' // rounds, calls, queue
  | 'stopped' // ended by stop, clear or shutdown
  | 'estop' // ended by an emergency stop
  | 'internal';

/** A fault in the input, at a JSON pointer [RFC 6901]. */
export interface Fault {
  pointer: string;
  detail: string;
  /** For clients that say it in another language: the kind of the fault (common/coded-fault.ts), and the values of its sentence. */
  code?: string;
  data?: FaultData;
}

/** The values of the sentence of a fault. */
export type FaultData = Readonly<Record<string, string | number>>;

/** A fault without any known secret. */
function blotFault({ detail, data, ...fault }: Fault): Fault {
  const blot = ([name, value]: [string, string | number]) =>
    [name, typeof value === 'string' ? blotSecrets(value) : value] as const;
  return {
    ...fault,
    detail: blotSecrets(detail),
    ...(data && { data: Object.fromEntries(Object.entries(data).map(blot)) }),
  };
}

/** More facts about a failure. */
export interface AppErrorOptions {
  /** The error behind this one; for the log only. */
  cause?: unknown;
  /** Every fault of the input, where the message names only some. */
  faults?: readonly Fault[];
  /** After how long another try makes sense. */
  retryAfterSeconds?: number;
}

/** An expected failure: `message` is safe to show to the caller, without any known secret; `cause` goes to the log only. */
export class AppError extends Error {
  override readonly name: string = 'AppError';
  readonly code: ErrorCode;
  readonly faults: readonly Fault[];
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(blotSecrets(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.faults = (options.faults ?? []).map(blotFault);
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Whether a request was right and came at a bad time: it may succeed later. */
export function isForLater({ code }: AppError): boolean {
  return code === 'too_many_requests' || code === 'unavailable';
}

/** A failure of the database itself. The request may be right, and may succeed later. */
export class StoreFailure extends AppError {
  override readonly name: string = 'StoreFailure';
}

/** A longer chain of causes is a circle. */
const CAUSES_MAX_DEPTH = 10;

/** Whether an error is a failure of the database, or has one as its cause. */
export function isStoreFailure(error: unknown): boolean {
  let at = error;
  for (let depth = 0; depth < CAUSES_MAX_DEPTH && at instanceof Error; depth += 1) {
    if (at instanceof StoreFailure) return true;
    at = at.cause;
  }
  return false;
}

/** A document that cannot be used. Its faults have JSON pointers. */
export class SpecError extends AppError {
  override readonly name = 'SpecError';
  constructor(message: string, faults: readonly Fault[] = [], cause?: unknown) {
    super('spec_invalid', message, { faults, cause });
  }
}

/** The refusal of a model's endpoint, for clients that know its API. */
export interface ModelRefusal {
  /** The HTTP status. */
  status: number;
  /** The endpoint's own words, without secrets; may be empty. */
  words: string;
  /** The endpoint's code, such as `context_length_exceeded`, and the field that it names. */
  code?: string | undefined;
  param?: string | undefined;
}

/** A model's endpoint failed. `refusal` is missing when there was no answer, or a broken one. */
export class ModelError extends AppError {
  override readonly name = 'ModelError';
  readonly refusal: ModelRefusal | undefined;
  constructor(message: string, options: AppErrorOptions & { refusal?: ModelRefusal } = {}) {
    super('model_error', message, options);
    this.refusal = options.refusal;
  }

  /** The HTTP status of the endpoint; undefined when there was no answer. */
  get status(): number | undefined {
    return this.refusal?.status;
  }
}

/** An error as it is written down: the error of a task that failed, say. */
export interface Failure {
  code: string;
  message: string;
  /** Where a model's endpoint refused the request. */
  refusal?: ModelRefusal & { retryAfterSeconds?: number | undefined };
}

/** The facts of an error that may be written down and shown. */
export function failureFacts(error: AppError): Failure {
  const { code, message, retryAfterSeconds } = error;
  const refusal = error instanceof ModelError ? error.refusal : undefined;
  return refusal ? { code, message, refusal: { ...refusal, retryAfterSeconds } } : { code, message };
}

/** The text of a thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A thrown value as an Error. */
export function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
