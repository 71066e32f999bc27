import { cutWords } from '../common/cut-words.ts';
import { AppError, ModelError } from '../errors.ts';
import { blotSecrets } from '../secrets.ts';
import type { EndpointRefusal } from './client.ts';
import { retryAfterMs } from './retry.ts';

/** Advice for some statuses. */
const HINTS: Record<number, string> = {
  401: '; check apiKey',
  403: '; check apiKey',
  404: '; check baseUrl and model',
};

/** The error for an answer that is not 2xx: the endpoint's host, its status and its own words, never the key. */
export function refusalError(
  host: string,
  key: string | undefined,
  refusal: EndpointRefusal,
  cause: unknown,
): ModelError {
  const { status, headers, code, param } = refusal;
  if (status === undefined) return unreachable(host, cause);
  const words = safeText(withoutOwnHost(refusal.detail, host), key);
  const message = `the model endpoint ${host} answered ${status}${words && `: ${words}`}${HINTS[status] ?? ''}`;
  const waitMs = retryAfterMs(headers);
  return new ModelError(message, {
    refusal: { status, words, code: nameIn(code), param: nameIn(param) },
    cause,
    ...(waitMs === undefined ? {} : { retryAfterSeconds: Math.ceil(waitMs / 1000) }),
  });
}

/** The ModelError for an error that an endpoint reports in the body of a 2xx answer, or in a stream that has begun. */
export function reportedError(said: string, host: string | undefined): ModelError {
  const words = safeText(host === undefined ? said : withoutOwnHost(said, host), undefined);
  return new ModelError(`the model endpoint reports: ${words}`);
}

/** A name that an endpoint gives; undefined for any other text, which may hold more than a name. */
function nameIn(text: string | undefined): string | undefined {
  return text !== undefined && /^[\w.[\]-]{1,100}$/.test(text) ? text : undefined;
}

/** The words without the endpoint's own host, which is for the log only. A host of one word may be a word of any sentence. */
export function withoutOwnHost(words: string, host: string): string {
  const names = [host, host.replace(/:\d+$/, '')].filter((name) => /[.:]|^localhost$/.test(name));
  return names.reduce((rest, name) => rest.replaceAll(name, 'the endpoint'), words);
}

function unreachable(host: string, error: unknown): ModelError {
  const refused = findCause(error, (cause) => cause instanceof AppError);
  if (refused instanceof AppError) return new ModelError(refused.message, { cause: error });
  const coded = findCause(error, (cause) => typeof codeOf(cause) === 'string');
  const code = coded === undefined ? 'no connection' : String(codeOf(coded));
  return new ModelError(`the model endpoint ${host} cannot be reached (${code})`, { cause: error });
}

/** Whether the egress rules refused the connection: then another try makes no sense. */
export function isEgressRefusal(error: unknown): boolean {
  return findCause(error, (cause) => cause instanceof AppError) !== undefined;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** A longer chain of causes is a loop. */
const CAUSES_MAX_COUNT = 8;

function findCause(error: unknown, wanted: (error: Error) => boolean): Error | undefined {
  for (let depth = 0; depth < CAUSES_MAX_COUNT && error instanceof Error; depth++, error = error.cause) {
    if (wanted(error)) return error;
    if (
      error instanceof AggregateError &&
      error.errors.some((inner) => inner instanceof Error && wanted(inner))
    )
      return error.errors.find((inner) => inner instanceof Error && wanted(inner)) as Error;
  }
  return undefined;
}

/**
 * An endpoint's own words on one line, at most 300 characters. Known secrets and everything that looks like a key are replaced, before
 * the words are cut: a part of a key is a secret, too. `key` is the endpoint's own, which may be too short for `blotSecrets`.
 */
export function safeText(text: string, key: string | undefined): string {
  if (text.trimStart().startsWith('<')) return ''; // a proxy's HTML page
  const keyless = blotSecrets(key === undefined ? text : text.replaceAll(key, '***'));
  const line = keyless
    .replaceAll(/\b(?:sk|pk|key)-[\w*.-]{4,}/g, '***')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return cutWords(line, 300);
}
