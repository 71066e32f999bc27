import type { JsonObject } from '../../common/json.ts';
import type { Metadata } from '../../core/message.ts';
import type { Principal } from '../../core/principal.ts';
import { route, type Route } from '../../server/mount.ts';
import { toAppError } from '../../server/status.ts';
import { goneSignal, openEventStream, sseEvent } from '../../server/stream.ts';
import type { Parts } from '../dialect.ts';
import { chunkAnswer, newHead, wholeAnswer } from './completion.ts';
import { formatOpenAiError } from './errors.ts';
import { metadataSchema } from './schemas.ts';

/** OpenAI's chat.completion, its required fields only: the endpoint's other fields pass unchanged. */
const completionSchema = {
  type: 'object',
  required: ['id', 'object', 'created', 'model', 'choices'],
  properties: {
    id: { type: 'string' },
    object: { const: 'chat.completion' },
    created: { type: 'integer' },
    model: { type: 'string' },
    choices: {
      type: 'array',
      items: { type: 'object', required: ['finish_reason', 'index', 'message', 'logprobs'] },
    },
    usage: { type: 'object' },
    metadata: metadataSchema,
  },
} as const;

/** OpenAI's model object. */
const modelSchema = {
  type: 'object',
  required: ['id', 'object', 'created', 'owned_by'],
  properties: {
    id: { type: 'string' },
    object: { const: 'model' },
    created: { type: 'integer' },
    owned_by: { type: 'string' },
  },
} as const;

/** Completions outside of threads, and the list of models. The server's endpoint answers both. */
export function chatRoutes({
  completions,
  completionNotes,
  config,
}: Pick<Parts, 'completions' | 'completionNotes' | 'config'>): Route[] {
  // Endpoints do not store metadata. They are kept here, beside the id of the answer, so that the client finds them again.
  async function keep(caller: Principal, answer: JsonObject, metadata: Metadata | undefined): Promise<void> {
    if (!metadata) return;
    const { id, model } = answer as { id: string; model: string };
    await completionNotes.keep(caller.id, { id, model, metadata });
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
        },
        additionalProperties: {},
      },
      answer: completionSchema,
      async handle({ body, response, caller, log }) {
        // The metadata are for this server. Many endpoints refuse them.
        const { metadata, stream, ...request } = body as JsonObject & { metadata?: Metadata };
        const head = newHead(request, metadata);
        if (stream !== true) {
          const answer = wholeAnswer(await completions.ask(request, goneSignal(response)), head);
          await keep(caller, answer, metadata);
          return answer;
        }
        // A client that disconnects ends the request to the model (goneSignal).
        const chunks = completions.stream(request, goneSignal(response));
        const first = await chunks.next(); // a failure before the first chunk still has its own status
        const events = openEventStream(response, config.limits);
        const send = (data: unknown): void => events.write(sseEvent(JSON.stringify(data)));
        try {
          for (let next = first; !next.done; next = await chunks.next()) {
            const chunk = chunkAnswer(next.value, head);
            if (next === first) await keep(caller, chunk, metadata);
            Object.assign(head, { id: chunk['id'], created: chunk['created'], model: chunk['model'] });
            send(chunk);
            await events.drained();
          }
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
    // The list is asked for each time: endpoints with local models change theirs while they run.
    route({
      method: 'GET',
      path: '/v1/models',
      summary: "The models that the server's endpoint offers.",
      access: 'look',
      answer: {
        type: 'object',
        required: ['object', 'data'],
        properties: { object: { const: 'list' }, data: { type: 'array', items: modelSchema } },
      },
      async handle({ response }) {
        const models = await completions.models(goneSignal(response));
        const data = models.map(({ id, created, owned_by: owner }) => ({
          id: typeof id === 'string' ? id : '',
          object: 'model',
          created: typeof created === 'number' ? Math.floor(created) : 0,
          owned_by: typeof owner === 'string' ? owner : 'endpoint',
        }));
        return { object: 'list', data };
      },
    }),
  ];
}
