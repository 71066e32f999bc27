import type { ServerResponse } from 'node:http';
import type { JsonObject, JsonValue } from '../../common/json.ts';
import type { Metadata } from '../../core/message.ts';
import type { Principal } from '../../core/principal.ts';
import { ModelError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { route, type Route } from '../../server/mount.ts';
import { sinceBegun } from '../../server/repeats.ts';
import { toAppError } from '../../server/status.ts';
import { goneSignal, openEventStream, sseEvent } from '../../server/stream.ts';
import type { Parts } from '../dialect.ts';
import { createChunkSum } from './chunk-sum.ts';
import { chunkAnswer, completionSchema, newHead, wholeAnswer } from './completion.ts';
import { namesDevices } from './completion-request.ts';
import { answerWithTask } from './completion-task.ts';
import { formatOpenAiError } from './errors.ts';
import type { ResponseParts } from './response-session.ts';
import { deviceFieldSchemas } from './new-session.ts';
import { withFiles } from './request-files.ts';
import { metadataSchema } from './schemas.ts';

/** The parts of a completion that a client can find again: the metadata, and with `stored` (the messages of the request) the answer, too. */
interface Wish {
  metadata: Metadata | undefined;
  stored: JsonValue[] | undefined;
}

type ChatParts = ResponseParts & Pick<Parts, 'completions' | 'storedCompletions'>;

/** Completions outside of threads: of the model's endpoint, or of a task where the request names devices or an app. */
export function chatRoutes(parts: ChatParts): Route[] {
  const { config } = parts;
  return [
    route({
      method: 'POST',
      path: '/v1/chat/completions',
      // Without devices nothing is begun that must not begin twice.
      keepsAnswer: namesDevices,
      summary: 'One answer, whole or (stream: true) as server-sent events: of the model, or with devices.',
      access: 'chat',
      bodyMaxBytes: config.limits.messageMaxBytes,
      bodyLenient: true,
      exactFields: 'unnamed', // they are the endpoint's
      body: {
        type: 'object',
        required: ['messages'],
        examples: [{ messages: [{ role: 'user', content: 'Good evening' }] }],
        properties: {
          messages: { type: 'array', minItems: 1, items: { type: 'object', required: ['role'] } },
          model: { type: 'string' },
          stream: { type: 'boolean' },
          metadata: metadataSchema,
          store: { type: 'boolean' },
          ...deviceFieldSchemas,
        },
        additionalProperties: {},
      },
      answer: completionSchema,
      async handle({ body, response, caller, log }) {
        const request = body as JsonObject & { metadata?: Metadata };
        const { metadata, store } = request;
        const wish: Wish = { metadata, stored: store === true ? (body.messages as JsonValue[]) : undefined };
        const asked = { request, wish, caller, response };
        return namesDevices(request) ? askDevices(parts, asked) : askEndpoint(parts, asked, log);
      },
    }),
  ];
}

/** A chat completion that a client asks for. */
interface Asked {
  request: JsonObject;
  wish: Wish;
  caller: Principal;
  response: ServerResponse;
}

/** A task answers. Undefined: the answer went out as a stream, or the stream has said why there is none. */
async function askDevices(parts: ChatParts, { request, wish, caller, response }: Asked) {
  const completion = await answerWithTask(parts, request, { caller, response });
  if (!completion) return undefined;
  await sinceBegun(keep(parts, caller, completion.answer, wish)); // the devices may have moved
  return completion.isSent ? undefined : completion.answer;
}

/** The server's endpoint answers, without a tool of ours. */
async function askEndpoint(
  parts: ChatParts,
  { request: { metadata: _metadata, stream, store: _store, ...asked }, wish, caller, response }: Asked,
  log: Log,
): Promise<JsonObject | undefined> {
  const { completions, files, config } = parts;
  const signal = goneSignal(response);
  const context = { files, caller, documents: config.documents, signal };
  const request = { ...asked, messages: await withFiles(asked['messages'] as JsonValue[], context) };
  const head = newHead(request, wish.metadata);
  if (stream !== true) {
    const answer = wholeAnswer(await completions.ask(request, signal, caller.id), head);
    // Clients read the first choice without a look.
    if ((answer['choices'] as JsonValue[]).length === 0)
      throw new ModelError('the model endpoint sent an answer without choices');
    await keep(parts, caller, answer, wish);
    return answer;
  }
  // A client that disconnects ends the request to the model (goneSignal).
  const chunks = completions.stream(request, signal, caller.id);
  const first = await chunks.next(); // a failure before the first chunk still has its own status
  const events = openEventStream(response, config.limits);
  const sum = createChunkSum();
  try {
    for (let next = first; !next.done; next = await chunks.next()) {
      const chunk = chunkAnswer(next.value, head);
      // All chunks have the id, the time and the model of the first one that names them.
      Object.assign(head, { id: chunk['id'], created: chunk['created'], model: chunk['model'] });
      if (wish.stored) sum.add(chunk);
      // Metadata are kept before the client sees the id under which it finds them.
      if (next === first && !wish.stored) await keep(parts, caller, chunk, wish);
      events.write(sseEvent(JSON.stringify(chunk)));
      await events.drained();
    }
    if (wish.stored) await keep(parts, caller, wholeAnswer(sum.answer(), head), wish);
    events.write(sseEvent('[DONE]'));
  } catch (thrown) {
    // Nobody is there to read an error. Otherwise the status 200 is sent already, so the error goes into the stream, as
    // OpenAI does it.
    if (events.signal.aborted) return undefined;
    const error = toAppError(thrown);
    log.warn({ err: error }, `a stream broke off: ${error.message}`);
    events.write(sseEvent(formatOpenAiError(error).body));
  } finally {
    await chunks.return(undefined); // it may stand in the middle
    await events.end();
  }
  return undefined;
}

/** Many endpoints store nothing. So completions are kept here, and the client finds them again in any case. */
async function keep(
  { storedCompletions }: ChatParts,
  caller: Principal,
  answer: JsonObject,
  { metadata, stored }: Wish,
): Promise<void> {
  if (!metadata && !stored) return;
  const { id, model } = answer as { id: string; model: string };
  const content = stored && { messages: stored, answer };
  await storedCompletions.keep(caller.id, { id, model, metadata: metadata ?? {}, content });
}
