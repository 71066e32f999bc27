import { setTimeout as delay } from 'node:timers/promises';

const RETRIES_MAX_COUNT = 2;

/** What a try failed with, as far as it says whether another one makes sense. */
export interface TryFailure {
  /** The HTTP status; undefined when there was no answer. */
  status: number | undefined;
  headers: Pick<Headers, 'get'> | undefined;
}

/**
 * How many ms to wait before try number `tries` + 1, or undefined when there is to be none. The official client's own
 * rules (no answer, 408, 409, 429, 5xx, `x-should-retry`; `retry-after-ms`, `retry-after`; 0.5 s doubling); they stand
 * here because its wait can neither be aborted nor limited.
 */
export function retryDelay(failure: TryFailure, tries: number): number | undefined {
  if (tries > RETRIES_MAX_COUNT) return undefined;
  const { status, headers } = failure;
  const told = headers?.get('x-should-retry');
  const worthwhile =
    status === undefined || status === 408 || status === 409 || status === 429 || status >= 500;
  if (told === 'false' || (told !== 'true' && !worthwhile)) return undefined;
  return retryAfterMs(headers) ?? 500 * 2 ** (tries - 1) * (1 - Math.random() / 4);
}

/** How long the endpoint asks to wait, in ms. [RFC 9110 10.2.3] */
export function retryAfterMs(headers: TryFailure['headers']): number | undefined {
  const ms = Number.parseFloat(headers?.get('retry-after-ms') ?? '');
  if (ms >= 0) return ms;
  const after = headers?.get('retry-after');
  if (after === null || after === undefined) return undefined;
  const seconds = Number.parseFloat(after);
  const wait = Number.isNaN(seconds) ? Date.parse(after) - Date.now() : seconds * 1000;
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** Waits, or rejects when the controller that it hands out is aborted. */
export async function waitMs(ms: number, attach: (controller: AbortController) => void): Promise<void> {
  const controller = new AbortController();
  attach(controller);
  await delay(ms, undefined, { signal: controller.signal });
}
