import { sleep } from '../common/deadline.ts';

/** As in the official client: three tries in all. */
const RETRIES_MAX_COUNT = 2;
/** The wait before the first retry when the endpoint asks for none; it doubles each time. */
const FIRST_WAIT_MS = 500;

/** The part of a failed try that says whether another try makes sense. */
export interface TryFailure {
  /** The HTTP status; undefined when there was no answer. */
  status: number | undefined;
  headers: Pick<Headers, 'get'> | undefined;
}

/**
 * The wait before try number `tries` + 1, in ms; undefined when there is no other try. The rules are those of the official
 * client: no answer, 408, 409, 429, 5xx, `x-should-retry`; `retry-after-ms`, `retry-after`; 0.5 s, doubled each time. They
 * are repeated here because the client's own wait cannot be aborted or limited.
 */
export function retryDelay(failure: TryFailure, tries: number): number | undefined {
  if (tries > RETRIES_MAX_COUNT) return undefined;
  const { status, headers } = failure;
  const asked = headers?.get('x-should-retry');
  const worthwhile =
    status === undefined || status === 408 || status === 409 || status === 429 || status >= 500;
  if (asked === 'false' || (asked !== 'true' && !worthwhile)) return undefined;
  return retryAfterMs(headers) ?? FIRST_WAIT_MS * 2 ** (tries - 1) * (1 - Math.random() / 4);
}

/** The wait that the endpoint asks for, in ms [RFC 9110 10.2.3]; undefined when it asks for none. */
export function retryAfterMs(headers: TryFailure['headers']): number | undefined {
  const ms = Number.parseFloat(headers?.get('retry-after-ms') ?? '');
  if (ms >= 0) return ms;
  const after = headers?.get('retry-after');
  if (after === null || after === undefined) return undefined;
  const seconds = Number.parseFloat(after);
  const wait = Number.isNaN(seconds) ? Date.parse(after) - Date.now() : seconds * 1000;
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** Waits, or rejects when the controller that `attach` gets is aborted. */
export async function waitMs(ms: number, attach: (controller: AbortController) => void): Promise<void> {
  const controller = new AbortController();
  attach(controller);
  await sleep(ms, controller.signal);
}
