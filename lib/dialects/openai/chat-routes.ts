import type { JsonObject, JsonValue } from '../../common/json.ts';
import type { Metadata } from '../../core/message.ts';
import type { Principal } from '../../core/principal.ts';
import { route, type Route } from '../../server/mount.ts';
import { toAppError } from '../../server/status.ts';
import { goneSignal, openEventStream, sseEvent } from '../../server/stream.ts';
import type { Parts } from '../dialect.ts';
import { createChunkSum } from './chunk-sum.ts';
import { chunkAnswer, completionSchema, newHead, wholeAnswer } from './completion.ts';
import { formatOpenAiError } from './errors.ts';
import { withFiles } from './request-files.ts';
import { metadataSchema } from './schemas.ts';

/** What a client wants to find again: the metadata, and with `stored` (the messages of the request) the answer, too. */
interface Wish {
  metadata: Metadata | undefined;
  stored: JsonValue[] | undefined;
}

/** Completions outside of threads. The server's endpoint answers them. */
export function chatRoutes({
  completions,
  storedCompletions,
  files,
  config,
}: Pick<Parts, 'completions' | 'storedCompletions' | 'files' | 'config'>): Route[] {
  // Many endpoints store nothing. So completions are kept here, and the client finds them again in any case.
  async function keep(caller: Principal, answer: JsonObject, { metadata, stored }: Wish): Promise<void> {
    if (!metadata && !stored) return;
    const { id, model } = answer as { id: string; model: string };
    const content = stored && { messages: stored, answer };
    await storedCompletions.keep(caller.id, { id, model, metadata: metadata ?? {}, content });
  }

  return [
    route({
      method: 'POST',
      path: '/v1/chat/completions',
      summary: 'One answer of the model, whole or (stream: true) as server-sent events.',
      access: 'chat',
      bodyMaxBytes: config.limits.messageMaxBytes,
      bodyLenient: true,
      body: {
        type: 'object',
        required: ['messages'],
        properties: {
          messages: { type: 'array', minItems: 1, items: { type: 'object', required: ['role'] } },
          model: { type: 'string' },
          stream: { type: 'boolean' },
          metadata: metadataSchema,
          store: { type: 'boolean' },
        },
        additionalProperties: {},
      },
      answer: completionSchema,
      async handle({ body, response, caller, log }) {
        // The metadata are for this server. Many endpoints refuse them.
        const { metadata, stream, store, ...asked } = body as JsonObject & { metadata?: Metadata };
        const messages = await withFiles(body.messages as JsonValue[], {
          files,
          caller,
          documents: config.documents,
          signal: goneSignal(response),
        });
        const request = { ...asked, messages };
        const wish: Wish = { metadata, stored: store === true ? (body.messages as JsonValue[]) : undefined };
        const head = newHead(request, metadata);
        if (stream !== true) {
          const answer = wholeAnswer(await completions.ask(request, goneSignal(response)), head);
          await keep(caller, answer, wish);
          return answer;
        }
        // A client that disconnects ends the request to the model (goneSignal).
        const chunks = completions.stream(request, goneSignal(response));
        const first = await chunks.next(); // a failure before the first chunk still has its own status
        const events = openEventStream(response, config.limits);
        const sum = createChunkSum();
        try {
          for (let next = first; !next.done; next = await chunks.next()) {
            const chunk = chunkAnswer(next.value, head);
            Object.assign(head, { id: chunk['id'], created: chunk['created'], model: chunk['model'] });
            if (wish.stored) sum.add(chunk);
            if (next === first && !wish.stored) await keep(caller, chunk, wish);
            events.write(sseEvent(JSON.stringify(chunk)));
            await events.drained();
          }
          if (wish.stored) await keep(caller, wholeAnswer(sum.answer(), head), wish);
          events.write(sseEvent('[DONE]'));
        } catch (thrown) {
          // Nobody is there to read an error. Otherwise the status 200 is sent already, so the error goes into the stream, as
          // OpenAI does it.
          if (events.signal.aborted) return undefined;
          const error = toAppError(thrown);
          log.warn({ err: error }, `a stream broke off: ${error.message}`);
          events.write(sseEvent(formatOpenAiError(error).body));
        } finally {
          await events.end();
        }
        return undefined;
      },
    }),
  ];
}
