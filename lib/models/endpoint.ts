import { withoutEnd } from '../common/without-end.ts';
import { AppError } from '../errors.ts';
import { knowSecrets } from '../secrets.ts';
import type { OpenAiClient, EndpointRefusal } from './client.ts';
import { isEgressRefusal, refusalError } from './failure.ts';
import type { Limit } from './limit.ts';
import type { Quirks } from './quirks.ts';
import { retryDelay, waitMs } from './retry.ts';

/** One request to an endpoint. */
export interface EndpointAsk {
  /** The base URL as it was configured: `/chat/completions` is added where its path does not end so. */
  base: URL;
  headers: Record<string, string>;
  /** Kept out of error messages. */
  apiKey: string | undefined;
  quirks: Quirks;
  limit: Limit;
  /** Whether a request that fails is sent again. It is not where the client does so by itself. */
  retries: boolean;
  /** The request as JSON. It is made anew for each try. */
  body(): string;
  /** Changes the next request so that the refused field is left out; false when it cannot. */
  mend(refusal: EndpointRefusal): boolean;
}

/** Asks until there is a 2xx answer, whose body is unread, or another try makes no sense. Rejects with a ModelError. */
export async function askEndpoint(client: OpenAiClient, ask: EndpointAsk): Promise<Response> {
  const { base, headers, apiKey, quirks, limit, retries } = ask;
  const attach = (controller: AbortController): void => limit.attach(controller);
  for (let tries = 1; ; tries++) {
    const body = ask.body();
    try {
      return await client.send({ url: endpointUrl(base, quirks), headers, body, attach });
    } catch (error) {
      const refusal = client.refusalOf(error);
      // Where the limit has aborted the request, the caller tells its reason instead.
      if (refusal === undefined || limit.over !== undefined) throw error;
      if (ask.mend(refusal) || noteMissingPath(quirks, base, refusal.status)) {
        tries--; // a changed request is no retry; each change happens once
        continue;
      }
      const wait = retries && !isEgressRefusal(error) ? retryDelay(refusal, tries) : undefined;
      // A wait beyond the deadline would end in a time-out, and hide the words of the endpoint.
      if (wait === undefined || wait > limit.leftMs()) throw refusalError(base.host, apiKey, refusal, error);
      await waitMs(wait, attach);
    }
  }
}

/** A bare host often means its `/v1`. That is tried once, and remembered. */
function noteMissingPath(quirks: Quirks, base: URL, status: number | undefined): boolean {
  if (status !== 404 || base.pathname !== '/' || quirks.v1) return false;
  quirks.v1 = true;
  return true;
}

/** The URL of requests. The query of the base URL stays. */
function endpointUrl(base: URL, quirks: Quirks): string {
  const path = withoutEnd(quirks.v1 ? '/v1' : base.pathname, '/');
  const full = path.endsWith('/chat/completions') ? path : `${path}/chat/completions`;
  return `${base.origin}${full}${base.search}`;
}

/** The address of an endpoint. Throws `invalid_request` for a text that is no http(s) URL, or holds a password. */
export function parseBaseUrl(baseUrl: string): URL {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new AppError('invalid_request', 'baseUrl of the model is not an http(s) URL', {
      faults: [{ pointer: '/llmConfig/baseUrl', detail: 'must be an http(s) URL' }],
    });
  if (url.username !== '' || url.password !== '')
    throw new AppError('invalid_request', 'baseUrl of the model holds a password; put the key in apiKey', {
      faults: [{ pointer: '/llmConfig/baseUrl', detail: 'must not hold credentials' }],
    });
  return url;
}

/** The headers of each request to an endpoint. Throws `invalid_request` for a key that no header can carry. */
export function requestHeaders(apiKey: string | undefined): Record<string, string> {
  const headers = {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'user-agent': 'lite-agent-server',
  };
  if (apiKey === undefined) return headers;
  if (!/^[\x21-\x7e]+$/.test(apiKey))
    throw new AppError(
      'invalid_request',
      'apiKey of the model holds characters that no HTTP header can carry',
      {
        faults: [{ pointer: '/llmConfig/apiKey', detail: 'must be printable ASCII without spaces' }],
      },
    );
  knowSecrets([apiKey]); // the endpoint may repeat it later
  return { ...headers, authorization: `Bearer ${apiKey}` };
}
