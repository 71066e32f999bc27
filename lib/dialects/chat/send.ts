import type { IncomingMessage } from 'node:http';
import Negotiator from 'negotiator';
import { AppError } from '../../errors.ts';
import type { Call } from '../../server/mount.ts';
import { openStream, sseEvent } from '../../server/stream.ts';
import { toAppError } from '../../server/status.ts';
import type { Parts } from '../dialect.ts';
import { withoutEndpointHost } from '../endpoint-host.ts';
import { readSaying, toModelMessages, type Saying, type SayParts } from './say.ts';

/** The lines that the client gets, in this order. */
type Line =
  | { type: 'user_message_id'; user_message_id: number }
  | { type: 'ai_chunk'; content: string }
  | { type: 'complete'; ai_message_id: number }
  | { type: 'error'; detail: string };

/** How lines are written. The Accept header decides. */
interface Format {
  contentType: string;
  /** Written in each silence; none when missing. */
  heartbeat?: string;
  /** The text of a line in the answer; empty when the format does not show it at this place. */
  write(line: Line): string;
}

/** The parts that are needed to answer in a conversation. */
export type SendParts = SayParts & Pick<Parts, 'replies' | 'config'>;

/** Stores the user's message, asks the model, and streams its answer. Resolves when the answer is stored and sent. */
export async function send(
  parts: SendParts,
  call: Call<unknown, Parameters<typeof readSaying>[1]['body']>,
): Promise<void> {
  const { replies, config } = parts;
  const { response, request, log } = call;
  const saying = await readSaying(parts, call);
  // A conversation that ends with the assistant's words has nothing to answer; some endpoints would go on with them.
  if (saying.messages.at(-1)?.role !== 'user')
    throw new AppError('invalid_request', 'The last message must be the user’s.');
  // Everything that can be refused is checked before the user's message is stored.
  const messages = await toModelMessages(saying);
  const userMessageId = await storeLast(parts, saying);
  const { contentType, heartbeat, write } = formatOf(request, userMessageId);
  const { heartbeatIntervalMs: everyMs, socketStallTimeoutMs: stallTimeoutMs } = config.limits;
  const stream = openStream(response, {
    contentType,
    stallTimeoutMs,
    ...(heartbeat !== undefined && { heartbeat: { text: heartbeat, everyMs } }),
  });
  stream.write(write({ type: 'user_message_id', user_message_id: userMessageId }));
  // The status 200 is sent already, so a failure is the last line. Its text holds nothing of the error behind it (a hole of the
  // original).
  const fail = (error: unknown): Line => {
    const { code, message, cause } = toAppError(error);
    if (code === 'internal') log.error({ err: cause ?? error }, 'a reply could not be made');
    return { type: 'error', detail: withoutEndpointHost(message) };
  };
  const last = await replies
    .ask({
      chatId: saying.chat.id,
      model: saying.model,
      messages,
      signal: stream.signal,
      onText: (content) => stream.write(write({ type: 'ai_chunk', content })),
      pace: () => stream.drained(),
    })
    .then(
      (outcome): Line =>
        'reply' in outcome ? { type: 'complete', ai_message_id: outcome.messageId } : fail(outcome.error),
      fail,
    );
  await stream.end(write(last));
}

/** The id of the last message. It is stored now, unless the client names its id: then it asks again. */
async function storeLast({ chats }: Pick<Parts, 'chats'>, { chat, messages }: Saying): Promise<number> {
  const last = messages.at(-1)!;
  if (last.id === undefined) return chats.append(chat.id, { role: 'user', content: last.said });
  // A message of the model cannot be answered.
  const known = await chats.findMessage(chat.id, last.id);
  if (known?.role === 'user') return known.id;
  throw new AppError('not_found', 'There is no such message.');
}

/** The types of an answer. The first one is for clients without a preference; the browser's `application/json` means it, too. */
const types = ['application/x-ndjson', 'application/json', 'text/event-stream', 'text/plain'];

/**
 * The format that the client prefers [RFC 9110 12.5.1]: events, bare text with the ids at its end, or JSON lines (contract 4).
 * Bare text has no heartbeat: a client would show it.
 */
function formatOf(request: IncomingMessage, userMessageId: number): Format {
  const type = new Negotiator(request).mediaType(types);
  if (type === 'text/event-stream')
    return {
      contentType: 'text/event-stream',
      heartbeat: ':\n\n',
      write: (line) => sseEvent(JSON.stringify(line)),
    };
  if (type === 'text/plain')
    return {
      contentType: 'text/plain; charset=utf-8',
      write(line) {
        if (line.type === 'ai_chunk') return line.content;
        // The end has it, beside the id of the answer.
        if (line.type === 'user_message_id') return '';
        const { type: _, ...end } = line;
        return `\n\n[END]${JSON.stringify({ user_message_id: userMessageId, ...end })}`;
      },
    };
  return {
    contentType: 'application/x-ndjson',
    heartbeat: '\n',
    write: (line) => `${JSON.stringify(line)}\n`,
  };
}
