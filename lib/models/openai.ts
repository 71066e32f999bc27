import type { Model, ModelConfig, ModelReply, ModelRequest, ReplyOptions } from '../core/model.ts';
import { AppError, ModelError, messageOf } from '../errors.ts';
import { openClient, type Client } from './client.ts';
import { encodeRequest } from './encode.ts';
import { isEgressRefusal, refusalError, safeText } from './failure.ts';
import { noteRefusal, rememberQuirks, requestHead, type Quirks } from './quirks.ts';
import { openLimit, type Limit } from './limit.ts';
import { readReply } from './read.ts';
import { retryDelay, waitMs } from './retry.ts';

/** How endpoints are reached. */
export interface OpenAiOptions {
  /** Makes every connection; headers may come to it as a plain object. */
  fetch: typeof globalThis.fetch;
  /** How long a reply may take in all, retries included; 120,000. */
  timeoutMs?: number;
  /** How long a stream that has begun may stay silent; 60,000. */
  silenceTimeoutMs?: number;
}

type OpenAiConfig = Required<Omit<ModelConfig, 'apiKey' | 'extra'>> & Pick<ModelConfig, 'apiKey' | 'extra'>;

/**
 * Models behind any endpoint that speaks OpenAI's chat completions: returns a function that opens one. All share one
 * client, which is loaded with the first reply; the key goes with each request. Streams when deltas are wanted.
 */
export function connectOpenAi(options: OpenAiOptions): (config: OpenAiConfig) => Model {
  const { timeoutMs = 120_000, silenceTimeoutMs = 60_000 } = options;
  const quirksOf = rememberQuirks();
  let client: Promise<Client> | undefined;
  const loadClient = () => (client ??= openClient(options.fetch));

  return (config) => {
    const base = parseBaseUrl(config.baseUrl);
    const headers = requestHeaders(config.apiKey);
    const quirks = quirksOf(`${config.baseUrl} ${config.model}`);
    return {
      async reply(request, { signal, onDelta, pace }) {
        if (signal.aborted) throw signal.reason;
        const limit = openLimit(signal, timeoutMs, silenceTimeoutMs);
        try {
          const ask = { base, headers, config, quirks, limit, onDelta, pace };
          return await requestReply(await loadClient(), request, ask);
        } catch (error) {
          if (signal.aborted) throw signal.reason;
          if (limit.over instanceof ModelError) throw limit.over;
          if (error instanceof ModelError) throw error;
          const why = safeText(messageOf(error), config.apiKey);
          throw new ModelError(`the model's reply could not be read: ${why}`, { cause: error });
        } finally {
          limit.close();
        }
      },
    };
  };
}

interface AskContext {
  base: URL;
  headers: Record<string, string>;
  config: OpenAiConfig;
  quirks: Quirks;
  limit: Limit;
  onDelta: ReplyOptions['onDelta'];
  pace: ReplyOptions['pace'];
}

/** Asks until there is a reply or no more sense in asking. */
async function requestReply(client: Client, request: ModelRequest, ask: AskContext): Promise<ModelReply> {
  const { base, headers, config, quirks, limit, onDelta, pace } = ask;
  for (let tries = 1; ; tries++) {
    const head = requestHead(config, onDelta !== undefined, quirks);
    const body = encodeRequest(request, head);
    let response: Response;
    try {
      response = await client.send({ url: endpointUrl(base, quirks), headers, body, attach: limit.attach });
    } catch (error) {
      const refusal = client.refusalOf(error);
      if (refusal === undefined || limit.over !== undefined) throw error;
      if (noteRefusal(quirks, head, refusal) || noteMissingPath(quirks, base, refusal.status)) {
        tries--; // made to fit: each can happen once
        continue;
      }
      const wait = isEgressRefusal(error) ? undefined : retryDelay(refusal, tries);
      if (wait === undefined || wait > limit.leftMs())
        throw refusalError(base.host, config.apiKey, refusal, error);
      await waitMs(wait, limit.attach);
      continue;
    }
    return await readReply(response, { model: config.model, apiKey: config.apiKey, limit, onDelta, pace });
  }
}

/** An endpoint given as a bare host often means its `/v1`: tried once, remembered. */
function noteMissingPath(quirks: Quirks, base: URL, status: number | undefined): boolean {
  if (status !== 404 || base.pathname !== '/' || quirks.v1) return false;
  quirks.v1 = true;
  return true;
}

function endpointUrl(base: URL, quirks: Quirks): string {
  const path = (quirks.v1 ? '/v1' : base.pathname).replace(/\/+$/, '');
  const full = path.endsWith('/chat/completions') ? path : `${path}/chat/completions`;
  return `${base.origin}${full}${base.search}`;
}

function parseBaseUrl(baseUrl: string): URL {
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

function requestHeaders(apiKey: string | undefined): Record<string, string> {
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
  return { ...headers, authorization: `Bearer ${apiKey}` };
}
