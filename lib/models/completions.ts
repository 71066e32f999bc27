import { isObject, type JsonObject } from '../common/json.ts';
import { ModelError, messageOf } from '../errors.ts';
import { loadOpenAiClient, type OpenAiClient } from './client.ts';
import { askDemo } from './demo-completion.ts';
import { askEndpoint, parseBaseUrl, requestHeaders } from './endpoint.ts';
import { safeText } from './failure.ts';
import { openLimit, type Limit } from './limit.ts';
import type { OpenAiOptions } from './openai.ts';
import { rememberQuirks } from './quirks.ts';
import { createReplyBuilder, tryParseJson } from './reply.ts';
import { createSseParser } from './sse.ts';
import { chunksOf, completionOf } from './wire.ts';

/**
 * The server's endpoint, for who speaks its language already: requests and answers pass as they stand.
 *
 * Contract: rejects with a ModelError, whose `status` is the endpoint's where it has answered, or with the signal's reason.
 */
export interface Completions {
  /** One `chat.completion`. */
  ask(request: JsonObject, signal: AbortSignal): Promise<JsonObject>;
  /** The `chat.completion.chunk`s of one; whoever stops reading ends the request. */
  stream(request: JsonObject, signal: AbortSignal): AsyncGenerator<JsonObject>;
  /** The models that the endpoint offers. */
  models(signal: AbortSignal): Promise<JsonObject[]>;
}

export interface CompletionsOptions extends OpenAiOptions {
  /** Without a base URL it is the offline demo model that answers. */
  endpoint: { baseUrl?: string | undefined; apiKey?: string | undefined; model: string };
}

const ANSWER_MAX_BYTES = 32 * 1024 * 1024;

/** Opens the endpoint of the settings. Throws `invalid_request` for one that cannot work. */
export function openCompletions({ endpoint, ...options }: CompletionsOptions): Completions {
  if (endpoint.baseUrl === undefined) return demoCompletions();
  const { apiKey, model } = endpoint;
  const { timeoutMs = 120_000, silenceTimeoutMs = 60_000 } = options;
  const base = parseBaseUrl(endpoint.baseUrl);
  const headers = requestHeaders(apiKey);
  const quirks = rememberQuirks()(endpoint.baseUrl);
  let client: Promise<OpenAiClient> | undefined;

  async function send(request: JsonObject, stream: boolean, limit: Limit): Promise<Response> {
    const body = JSON.stringify({ model, ...request, stream: stream || undefined });
    const ask = { base, headers, apiKey, quirks, limit, body: () => body, mend: () => false };
    return askEndpoint(await (client ??= loadOpenAiClient(options.fetch)), ask);
  }

  /** What went wrong, as callers may know it: the caller's own stop first, then the deadline. */
  function failure(error: unknown, signal: AbortSignal, limit: Limit): unknown {
    if (signal.aborted) return signal.reason;
    if (limit.over instanceof ModelError) return limit.over;
    if (error instanceof ModelError) return error;
    const why = safeText(messageOf(error), apiKey);
    return new ModelError(`the model's answer could not be read: ${why}`, { cause: error });
  }

  async function* events(response: Response, limit: Limit): AsyncGenerator<JsonObject> {
    const parser = createSseParser();
    let bytes = 0;
    for await (const piece of response.body ?? []) {
      limit.heard();
      bytes += piece.length;
      if (bytes > ANSWER_MAX_BYTES) throw new ModelError('the model endpoint sent more than 32 MiB');
      for (const data of parser.push(piece)) {
        if (data.startsWith('[DONE]')) return;
        yield objectOf(data);
      }
    }
    for (const data of parser.end()) if (!data.startsWith('[DONE]')) yield objectOf(data);
  }

  function isStream(response: Response): boolean {
    return response.headers.get('content-type')?.includes('text/event-stream') === true;
  }

  return {
    async ask(request, signal) {
      const limit = openLimit(signal, timeoutMs, silenceTimeoutMs);
      try {
        const response = await send(request, false, limit);
        if (!isStream(response)) return objectOf(await response.text());
        const builder = createReplyBuilder(model); // some stream unasked
        for await (const event of events(response, limit)) builder.add(event);
        return completionOf(builder.build());
      } catch (error) {
        throw failure(error, signal, limit);
      } finally {
        limit.close();
      }
    },

    async *stream(request, signal) {
      const stopped = new AbortController();
      const limit = openLimit(AbortSignal.any([signal, stopped.signal]), timeoutMs, silenceTimeoutMs);
      try {
        const response = await send(request, true, limit);
        if (isStream(response)) yield* events(response, limit);
        else yield* chunksOf(objectOf(await response.text())); // some do not stream when asked
      } catch (error) {
        throw failure(error, signal, limit);
      } finally {
        stopped.abort(); // nothing is left of a request that nobody reads
        limit.close();
      }
    },

    async models(signal) {
      const limit = openLimit(signal, timeoutMs, silenceTimeoutMs);
      const root = base.pathname.replace(/\/+$/, '').replace(/\/chat\/completions$/, '');
      try {
        for (const path of root === '' ? ['/v1', ''] : [root]) {
          const response = await options.fetch(`${base.origin}${path}/models${base.search}`, {
            headers,
            signal,
          });
          const body = tryParseJson(await response.text());
          if (response.ok && isObject(body) && Array.isArray(body['data']))
            return body['data'].filter(isObject);
          if (response.status === 401 || response.status === 403 || response.status >= 500)
            throw new ModelError(
              `the model endpoint ${base.host} answered ${response.status} to a list of models`,
            );
        }
        return [{ id: model }]; // many have no such list
      } catch (error) {
        throw failure(error, signal, limit);
      } finally {
        limit.close();
      }
    },
  };
}

function demoCompletions(): Completions {
  return {
    ask: async (request, signal) => completionOf(await askDemo(request, { signal })),
    async *stream(request, signal) {
      yield* chunksOf(completionOf(await askDemo(request, { signal })));
    },
    models: async () => [{ id: 'demo', owned_by: 'lite-agent' }],
  };
}

function objectOf(text: string): JsonObject {
  const value = tryParseJson(text);
  if (!isObject(value)) throw new ModelError('the model endpoint sent something that is no chat completion');
  if (value['error']) {
    const { error } = value;
    const message = isObject(error) ? error['message'] : error;
    throw new ModelError(
      `the model endpoint reports: ${safeText(typeof message === 'string' ? message : JSON.stringify(error), undefined)}`,
    );
  }
  return value;
}
