import { formatExactly } from '../common/exact-numbers.ts';
import { isObject, type JsonObject } from '../common/json.ts';
import { OriginTurns } from '../common/origin-turns.ts';
import { withoutEnd } from '../common/without-end.ts';
import { ModelError, messageOf } from '../errors.ts';
import { blotOwnSecrets } from '../secrets.ts';
import { chunksWithout } from './chunks-without.ts';
import { loadOpenAiClient, type OpenAiClient } from './client.ts';
import { askDemo } from './demo-completion.ts';
import { askEndpoint, parseBaseUrl, requestHeaders } from './endpoint.ts';
import { reportedError, safeText } from './failure.ts';
import { openLimit, type Limit } from './limit.ts';
import { logprobsWithout } from './logprobs-without.ts';
import type { OpenAiOptions } from './openai.ts';
import { rememberQuirks, type Quirks } from './quirks.ts';
import { tryParseJson } from './parse-json.ts';
import { boundedBody, readBodyText, withSecondTry } from './read-body.ts';
import { createReplyBuilder } from './reply.ts';
import { createSseParser } from './sse.ts';
import { chunksOf, completionOf } from './wire.ts';
import { turnWithin } from './with-turns.ts';

/**
 * The endpoint of the settings, for callers that speak OpenAI's language already: requests and answers pass unchanged.
 *
 * Contract: rejects with a ModelError, whose `status` is the endpoint's when it has answered, or with the signal's reason. `party` is
 * the user for whom it is asked: the parties take turns.
 */
export interface Completions {
  /** One `chat.completion`. */
  ask(request: JsonObject, signal: AbortSignal, party?: string): Promise<JsonObject>;
  /** The `chat.completion.chunk`s of one. A reader that stops ends the request. */
  stream(request: JsonObject, signal: AbortSignal, party?: string): AsyncGenerator<JsonObject>;
  /** The models that the endpoint offers. */
  models(signal: AbortSignal, party?: string): Promise<JsonObject[]>;
}

/** The endpoint of the settings, and how it is reached. */
export interface CompletionsOptions extends OpenAiOptions {
  /** Without a base URL the offline demo model answers. */
  endpoint: { baseUrl?: string | undefined; apiKey?: string | undefined; model: string };
  /** The turns of requests to each origin; its own when missing. */
  turns?: OriginTurns;
}

const ANSWER_MAX_BYTES = 32 * 1024 * 1024;

/** The turn of a request. */
interface Turn {
  signal: AbortSignal;
  party: string | undefined;
}

/** The completions of the endpoint of the settings. Throws `invalid_request` for an address or a key that cannot work. */
export function openCompletions(options: CompletionsOptions): Completions {
  const { baseUrl } = options.endpoint;
  return baseUrl === undefined ? demoCompletions() : new EndpointCompletions(baseUrl, options);
}

class EndpointCompletions implements Completions {
  readonly #model: string;
  readonly #apiKey: string | undefined;
  readonly #base: URL;
  readonly #headers: Record<string, string>;
  /** Of these only `/v1` is used: the requests of callers pass unchanged. */
  readonly #quirks: Quirks;
  readonly #options: OpenAiOptions;
  readonly #turns: OriginTurns;
  /** The key of the settings, which no answer may show. */
  readonly #secrets: readonly string[];
  /** Loaded with the first request. */
  #client: Promise<OpenAiClient> | undefined;

  constructor(baseUrl: string, { endpoint, turns = new OriginTurns(), ...options }: CompletionsOptions) {
    const { apiKey, model } = endpoint;
    this.#model = model;
    this.#apiKey = apiKey;
    this.#secrets = apiKey === undefined ? [] : [apiKey];
    this.#base = parseBaseUrl(baseUrl);
    this.#headers = requestHeaders(apiKey);
    this.#quirks = rememberQuirks()(baseUrl);
    this.#options = options;
    this.#turns = turns;
  }

  ask(request: JsonObject, signal: AbortSignal, party?: string): Promise<JsonObject> {
    const work = async (limit: Limit): Promise<JsonObject> => {
      const response = await this.#send(request, false, limit);
      if (!isStream(response))
        return this.#withoutKey(this.#objectOf(await readBodyText(response, ANSWER_MAX_BYTES)));
      const builder = createReplyBuilder(this.#model, { origin: this.#base.origin }); // some endpoints stream unasked
      for await (const event of this.#eventsOf(response, limit)) builder.add(event);
      return this.#withoutKey(completionOf(builder.build()));
    };
    return this.#within({ signal, party }, (limit) => withSecondTry(limit, () => work(limit)));
  }

  async *stream(request: JsonObject, signal: AbortSignal, party?: string): AsyncGenerator<JsonObject> {
    const stopped = new AbortController();
    const limit = this.#openLimit(AbortSignal.any([signal, stopped.signal]));
    let endTurn = (): void => undefined;
    try {
      endTurn = await this.#turnWithin(limit, party);
      const response = await this.#send(request, true, limit);
      const events = isStream(response) ? this.#eventsOf(response, limit) : undefined;
      if (events) yield* chunksWithout(this.#secrets, events);
      // Some endpoints do not stream.
      else yield* chunksOf(this.#withoutKey(this.#objectOf(await readBodyText(response, ANSWER_MAX_BYTES))));
    } catch (error) {
      throw this.#failure(error, signal, limit);
    } finally {
      stopped.abort(); // ends a request that nobody reads any more
      limit.close();
      endTurn();
    }
  }

  models(signal: AbortSignal, party?: string): Promise<JsonObject[]> {
    const root = withoutEnd(this.#base.pathname, '/').replace(/\/chat\/completions$/, '');
    return this.#within({ signal, party }, async (limit) => {
      // A bare host often means its `/v1`, as for replies (endpoint.ts).
      for (const path of root === '' ? ['/v1', ''] : [root]) {
        const listed = await this.#listModels(path, limit);
        if (listed) return listed;
      }
      return [{ id: this.#model }]; // many endpoints have no such list
    });
  }

  /**
   * The list under a path; undefined where the endpoint has none there. Throws a ModelError for a refused key, and for an endpoint that
   * fails.
   */
  async #listModels(path: string, limit: Limit): Promise<JsonObject[] | undefined> {
    const { origin, search, host } = this.#base;
    const url = `${origin}${path}/models${search}`;
    const asking = new AbortController();
    limit.attach(asking);
    const response = await this.#options.fetch(url, { headers: this.#headers, signal: asking.signal });
    const body = tryParseJson(await readBodyText(response, ANSWER_MAX_BYTES));
    const { status } = response;
    if (response.ok && isObject(body) && Array.isArray(body['data']))
      return body['data'].filter(isObject).map((model) => this.#withoutKey(model));
    if (status === 401 || status === 403 || status >= 500)
      throw new ModelError(`the model endpoint ${host} answered ${status} to a list of models`);
    return undefined;
  }

  async #send(request: JsonObject, stream: boolean, limit: Limit): Promise<Response> {
    const body = formatExactly({ model: this.#model, ...request, ...(stream && { stream }) });
    this.#client ??= loadOpenAiClient(this.#options.fetch);
    return askEndpoint(await this.#client, {
      base: this.#base,
      headers: this.#headers,
      apiKey: this.#apiKey,
      quirks: this.#quirks,
      limit,
      retries: false, // the clients of this API repeat their requests by themselves
      body: () => body,
      mend: () => false, // the caller's request passes unchanged, or not at all
    });
  }

  async #within<T>({ signal, party }: Turn, work: (limit: Limit) => Promise<T>): Promise<T> {
    const limit = this.#openLimit(signal);
    let endTurn = (): void => undefined;
    try {
      endTurn = await this.#turnWithin(limit, party);
      return await work(limit);
    } catch (error) {
      throw this.#failure(error, signal, limit);
    } finally {
      limit.close();
      endTurn();
    }
  }

  /** Waits for a turn: that is a part of the time of the answer. */
  #turnWithin(limit: Limit, party: string | undefined): Promise<() => void> {
    return turnWithin(limit, this.#turns, { origin: this.#base.origin, party });
  }

  /** The events of a stream up to `[DONE]`, or to the end of the body: some endpoints send no `[DONE]`. */
  async *#eventsOf(response: Response, limit: Limit): AsyncGenerator<JsonObject> {
    const parser = createSseParser();
    for await (const piece of boundedBody(response, ANSWER_MAX_BYTES)) {
      limit.heard();
      for (const data of parser.push(piece)) {
        if (data.startsWith('[DONE]')) return;
        yield this.#objectOf(data);
      }
    }
    for (const data of parser.end()) if (!data.startsWith('[DONE]')) yield this.#objectOf(data);
  }

  /** A JSON object of the endpoint. Throws a ModelError for anything else, and for an error that it reports. */
  #objectOf(text: string): JsonObject {
    const value = tryParseJson(text);
    if (!isObject(value))
      throw new ModelError('the model endpoint sent something that is no chat completion');
    const { error } = value;
    if (!error) return value;
    const message = isObject(error) ? error['message'] : error;
    throw reportedError(typeof message === 'string' ? message : JSON.stringify(error), this.#base.host);
  }

  /** The endpoint may send back the headers that it got. */
  #withoutKey(answer: JsonObject): JsonObject {
    const choices = answer['choices'];
    const clean = Array.isArray(choices) && {
      choices: choices.map((choice) =>
        isObject(choice) && isObject(choice['logprobs'])
          ? { ...choice, logprobs: logprobsWithout(this.#secrets, choice['logprobs']) }
          : choice,
      ),
    };
    return blotOwnSecrets({ ...answer, ...clean }, this.#secrets);
  }

  #openLimit(signal: AbortSignal): Limit {
    const { timeoutMs = 120_000, silenceTimeoutMs = 60_000 } = this.#options;
    return openLimit(signal, timeoutMs, silenceTimeoutMs);
  }

  /** The error that callers may know: the caller's own stop first, then the deadline. */
  #failure(error: unknown, signal: AbortSignal, limit: Limit): unknown {
    if (signal.aborted) return signal.reason;
    if (limit.over instanceof ModelError) return limit.over;
    if (error instanceof ModelError) return error; // its message is the server's own, or safe text
    const why = safeText(messageOf(error), this.#apiKey);
    return new ModelError(`the model's answer could not be read: ${why}`, { cause: error });
  }
}

function isStream(response: Response): boolean {
  return response.headers.get('content-type')?.includes('text/event-stream') === true;
}

/** The offline demo model behind the same port. It has no turns and no limits of time. */
function demoCompletions(): Completions {
  return {
    ask: async (request, signal) => completionOf(await askDemo(request, { signal })),
    async *stream(request, signal) {
      yield* chunksOf(completionOf(await askDemo(request, { signal })));
    },
    models: async () => [{ id: 'demo', owned_by: 'lite-agent' }],
  };
}
