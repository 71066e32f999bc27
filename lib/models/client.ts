import { isObject } from '../common/json.ts';
import type { OpenAI } from 'openai/client';
import type { TryFailure } from './retry.ts';

/** One POST to a model endpoint. It brings everything that sessions do not share. */
interface Ask {
  url: string;
  headers: Record<string, string>;
  body: string;
  /** Receives the controller that aborts the request, its body included. */
  attach(controller: AbortController): void;
}

/** Why a request has no 2xx answer. */
export interface EndpointRefusal extends TryFailure {
  /** The endpoint's code for the fault. */
  code: string | undefined;
  /** The field that the endpoint names as the fault. */
  param: string | undefined;
  /** The endpoint's own words; empty without any. */
  detail: string;
}

/** The official client, for every endpoint. */
export interface OpenAiClient {
  /** Sends one request once (for retries see retry.ts). Resolves with a 2xx response whose body is unread. */
  send(ask: Ask): Promise<Response>;
  /** The refusal in an error of `send`; undefined for an error that is not the client's. */
  refusalOf(error: unknown): EndpointRefusal | undefined;
}

/** So much of the body of a refusal is read. */
const ERROR_BODY_MAX_BYTES = 64 * 1024;

/**
 * Loads the official client over a `fetch`, without the costly parts of a call: headers and body are ready, so nothing is
 * built anew, and the caller has the deadline, so there is no other timer. It reads no key from the environment and knows
 * no endpoint, so that one client can serve every session.
 */
export async function loadOpenAiClient(fetch: typeof globalThis.fetch): Promise<OpenAiClient> {
  const [official, { APIError }] = await Promise.all([import('openai/client'), import('openai/core/error')]);

  class LeanOpenAI extends official.OpenAI {
    override async buildRequest(options: Parameters<OpenAI['buildRequest']>[0]) {
      const { url, headers, body, attach } = options.body as Ask;
      // Redirects are not followed: the key is for this address only.
      const req = { method: 'POST', headers, body, attach, redirect: 'manual' };
      // Any fetch takes headers as a plain object; the client's type asks for an instance, which costs 15 µs to make.
      return {
        req: req as unknown as Awaited<ReturnType<OpenAI['buildRequest']>>['req'],
        url,
        timeout: 0,
      };
    }

    override async fetchWithTimeout(
      ...[url, init, , controller]: Parameters<OpenAI['fetchWithTimeout']>
    ): Promise<Response> {
      const { attach, ...request } = init as RequestInit & Ask;
      attach(controller);
      const response = await fetch(url, { ...request, signal: controller.signal });
      return response.ok ? response : bounded(response);
    }

    protected override makeStatusError(
      ...[status, body, message, headers]: Parameters<OpenAI['makeStatusError']>
    ) {
      // Not every server wraps its error as OpenAI does: {"detail": …} and {"message": …} are common.
      const error =
        isObject(body) && body['error'] === undefined
          ? (body['message'] ?? body['detail'] ?? body)
          : undefined;
      const wrapped = error === undefined ? body : { error: { message: error } };
      return super.makeStatusError(status, wrapped, message, headers);
    }
  }

  const apiKey = 'comes with each request';
  const client = new LeanOpenAI({ apiKey, adminAPIKey: null, fetch, maxRetries: 0, logLevel: 'off' });
  return {
    send: (ask) => client.post(ask.url, { body: ask }).asResponse(),
    refusalOf(error) {
      if (!(error instanceof APIError)) return undefined;
      const { status, headers, code, param } = error;
      const said = error.error === undefined && status === undefined ? '' : error.message;
      const detail = said.replace(`${status} `, '').replace('status code (no body)', '');
      return { status, headers, code: textOrNone(code), param: textOrNone(param), detail };
    },
  };
}

/** A text of an endpoint. Some send numbers and objects, which the official client passes on as they are. */
function textOrNone(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The response with at most 64 KiB of its body, so that an endless error page cannot fill the memory. */
async function bounded(response: Response): Promise<Response> {
  const body = await readStart(response.body, ERROR_BODY_MAX_BYTES);
  const headers = Object.fromEntries(response.headers.entries());
  return new Response(response.status === 304 ? null : body, { status: response.status, headers });
}

async function readStart(body: Response['body'], maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= maxBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, maxBytes);
}
