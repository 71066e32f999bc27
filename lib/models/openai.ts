import type { Model, ModelConfig, ModelReply, ModelRequest, ReplyOptions } from '../core/model.ts';
import { ModelError, messageOf } from '../errors.ts';
import type { JsonValue } from '../common/json.ts';
import { withoutEnd } from '../common/without-end.ts';
import { loadOpenAiClient, type OpenAiClient } from './client.ts';
import { callIdFor } from './call-id.ts';
import { askEndpoint, parseBaseUrl, requestHeaders } from './endpoint.ts';
import { additionNames, encodeRequest } from './encode.ts';
import { safeText } from './failure.ts';
import { noteRefusal, noteRefusedAddition, rememberQuirks, requestHead, type Quirks } from './quirks.ts';
import { openLimit, type Limit } from './limit.ts';
import { withSecondTry } from './read-body.ts';
import { readReply } from './read.ts';

/** How endpoints are reached, and how long they may take. */
export interface OpenAiOptions {
  /** Makes every connection; headers may come to it as a plain object. */
  fetch: typeof globalThis.fetch;
  /** The longest time for a reply, retries included, in ms; 120,000 when missing. */
  timeoutMs?: number;
  /** The longest silence in a stream, in ms; 60,000 when missing. */
  silenceTimeoutMs?: number;
}

type OpenAiConfig = Required<Omit<ModelConfig, 'apiKey' | 'extra'>> & Pick<ModelConfig, 'apiKey' | 'extra'>;

/**
 * Returns a function that opens a model behind any endpoint for OpenAI's chat completions. All models share one client,
 * which is loaded with the first reply; the key goes with each request. A reply is streamed when deltas are wanted.
 */
export function connectOpenAi(options: OpenAiOptions): (config: OpenAiConfig) => Model {
  const { timeoutMs = 120_000, silenceTimeoutMs = 60_000 } = options;
  const quirksOf = rememberQuirks();
  let client: Promise<OpenAiClient> | undefined;
  const loadClient = () => (client ??= loadOpenAiClient(options.fetch));

  return (config) => {
    const base = parseBaseUrl(config.baseUrl);
    const headers = requestHeaders(config.apiKey);
    // Models behind one address refuse different fields.
    const quirks = quirksOf(`${config.baseUrl} ${config.model}`);
    // Without the query, which may hold a key: the origin is stored with every reply.
    const origin = `${base.origin}${withoutEnd(base.pathname, '/')} ${config.model}`;
    return {
      async reply(request, { signal, onDelta, onReasoning, pace, retries = true }) {
        if (signal.aborted) throw signal.reason;
        const limit = openLimit(signal, timeoutMs, silenceTimeoutMs);
        try {
          const ask = { base, headers, config, quirks, origin, limit, retries, onDelta, onReasoning, pace };
          return await requestReply(await loadClient(), request, ask);
        } catch (error) {
          if (signal.aborted) throw signal.reason;
          // An aborted connection fails in many ways. The limit knows why it was aborted.
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

/** One reply, and the endpoint that it is asked of. */
interface AskContext {
  base: URL;
  headers: Record<string, string>;
  config: OpenAiConfig;
  quirks: Quirks;
  /** The endpoint and the model, for what it wants back. */
  origin: string;
  limit: Limit;
  retries: boolean;
  onDelta: ReplyOptions['onDelta'];
  onReasoning: ReplyOptions['onReasoning'];
  pace: ReplyOptions['pace'];
}

/** Asks until there is a reply, or another try makes no sense. */
async function requestReply(
  client: OpenAiClient,
  request: ModelRequest,
  ask: AskContext,
): Promise<ModelReply> {
  const { config, quirks, origin, limit, onDelta, onReasoning, pace } = ask;
  const { model, apiKey } = config;
  // The fields of the last request: a refusal names one of them.
  let head: Record<string, JsonValue> = {};
  const isTool = (name: string): boolean => request.tools.some((tool) => tool.name === name);
  return withSecondTry(limit, async () => {
    const response = await askEndpoint(client, {
      ...ask,
      apiKey,
      body() {
        const choice = toolChoiceOf(request);
        const extra = choice === undefined ? config.extra : { ...config.extra, tool_choice: choice };
        head = requestHead({ ...config, ...(extra && { extra }) }, onDelta !== undefined, quirks);
        return encodeRequest(request, head, { origin, refused: quirks.refusedAdditions });
      },
      mend: (refusal) =>
        noteRefusedAddition(quirks, additionNames(request, origin), refusal) ||
        noteRefusal(quirks, head, refusal),
    });
    const reply = await readReply(response, {
      model,
      origin,
      isTool,
      apiKey,
      limit,
      onDelta,
      onReasoning,
      pace,
    });
    return withOwnIds(reply, request);
  });
}

/** A reply whose calls have other ids than the calls of the conversation before it. */
function withOwnIds(reply: ModelReply, { messages }: ModelRequest): ModelReply {
  if (reply.calls.length === 0) return reply;
  const taken = new Set<string>();
  for (const message of messages)
    if (message.role === 'assistant') for (const { callId } of message.calls) taken.add(callId);
  return {
    ...reply,
    calls: reply.calls.map((call) => ({ ...call, callId: callIdFor(call.callId, taken) })),
  };
}

/** A forced call, as chat completions ask for it. */
function toolChoiceOf({ forced, tools }: ModelRequest): JsonValue | undefined {
  if (forced === undefined || tools.length === 0) return undefined;
  return forced === 'any' ? 'required' : { type: 'function', function: { name: forced.name } };
}
