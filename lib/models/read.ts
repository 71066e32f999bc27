import type { ModelReply, ReplyOptions } from '../core/model.ts';
import { ModelError } from '../errors.ts';
import { safeText } from './failure.ts';
import type { IsTool } from './call-pieces.ts';
import type { Limit } from './limit.ts';
import { tryParseReply } from './parse-json.ts';
import { BrokenBodyError, boundedBody, endsWithConnection, readBodyText } from './read-body.ts';
import { createReplyBuilder, type ReplyBuilder } from './reply.ts';
import { createSseParser } from './sse.ts';

/** How a reply is read. */
export interface ReadOptions {
  /** The model that was asked for. */
  model: string;
  /** The endpoint and the model, for the additions of the reply. */
  origin: string;
  /** Whether a tool was offered under a name. */
  isTool: IsTool;
  /** Kept out of error messages. */
  apiKey: string | undefined;
  limit: Limit;
  onDelta: ReplyOptions['onDelta'];
  onReasoning: ReplyOptions['onReasoning'];
  pace: ReplyOptions['pace'];
}

const REPLY_MAX_BYTES = 16 * 1024 * 1024;
/** How long the connection may take to end after a complete reply. */
const DRAIN_TIMEOUT_MS = 250;

/**
 * Reads a reply from a 2xx response. Its content type says whether it is streamed: some endpoints stream unasked, and some
 * do not when asked. Rejects with a ModelError; with a BrokenBodyError when it broke off and nothing of it was used.
 */
export async function readReply(response: Response, options: ReadOptions): Promise<ModelReply> {
  const { model, origin, isTool, onReasoning } = options;
  const builder = createReplyBuilder(model, { origin, isTool, onReasoning });
  const streamed = response.headers.get('content-type')?.includes('text/event-stream') === true;
  let passed = 0;
  const pass = (text: string) => {
    if (text === '') return;
    passed += text.length;
    options.onDelta?.(text);
  };
  try {
    if (streamed) await readStream(response, builder, options, pass);
    else pass(await readWhole(response, builder));
    const reply = builder.build();
    pass(reply.text.slice(passed)); // the builder may add a note at the end
    return reply;
  } catch (error) {
    if (!(error instanceof ModelError)) throw broken(error);
    if (error instanceof BrokenBodyError) throw error;
    throw new ModelError(safeText(error.message, options.apiKey), { cause: error });
  }
}

/** Passes on the text of a stream as it comes. Throws for a stream that ends with neither `[DONE]` nor a reason of its end: it was cut. */
async function readStream(
  response: Response,
  builder: ReplyBuilder,
  { limit, pace }: ReadOptions,
  pass: (text: string) => void,
): Promise<void> {
  const parser = createSseParser();
  let done = false;
  const take = (events: string[]) => {
    for (const data of events) {
      if (done) return;
      if (data.startsWith('[DONE]')) {
        done = true;
        limit.finish(DRAIN_TIMEOUT_MS);
        return;
      }
      const json = tryParseReply(data);
      if (json === undefined) throw new ModelError('the model endpoint sent an event that is not JSON');
      pass(builder.add(json));
    }
  };
  try {
    for await (const bytes of boundedBody(response, REPLY_MAX_BYTES)) {
      if (!done) limit.heard();
      take(parser.push(bytes));
      // While the reader behind is slow, nothing is read. That time is no silence of the endpoint.
      const held = done ? undefined : pace?.();
      if (!held) continue;
      await held;
      limit.heard();
    }
    take(parser.end());
  } catch (error) {
    if (!done) throw error; // after a complete reply the connection may end in any way
  }
  if (!done && !builder.finished) throw broken(undefined);
}

/** Clients may have seen a part of the reply, so that it is not asked for again. */
function broken(cause: unknown): ModelError {
  return new ModelError("the model's reply broke off before its end", { cause });
}

/** The answer of a body that is not streamed; the builder has the rest of it. */
async function readWhole(response: Response, builder: ReplyBuilder): Promise<string> {
  const text = await readBodyText(response, REPLY_MAX_BYTES);
  const json = tryParseReply(text);
  if (json !== undefined) return builder.add(json);
  // It began as JSON, and nothing told its length: it was cut. Nothing of it was used, so that it may be asked for again.
  if (endsWithConnection(response) && /^\s*\{/.test(text)) throw new BrokenBodyError();
  const type = response.headers.get('content-type') ?? 'no content type';
  throw new ModelError(
    `the model endpoint answered with something that is not JSON (${type}); check baseUrl`,
  );
}
