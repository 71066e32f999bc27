import type { Principal } from '../../core/principal.ts';
import type { Session } from '../../core/session.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { checkSpeaking } from '../speaking.ts';
import { invalidField } from './errors.ts';
import { noSuchMessage, placeOf } from './ids.ts';
import { formatMessage, messageSchema } from './message-format.ts';
import { listMessages, messageAt } from './message-list.ts';
import { readMessage } from './new-message.ts';
import {
  booleanInQuery,
  deletedSchema,
  isTrueInQuery,
  limitSchema,
  listOf,
  listSchema,
  metadataSchema,
  newMessageSchema,
  orderSchema,
} from './schemas.ts';
import { findThread } from './threads.ts';

const id = { type: 'string', minLength: 1, maxLength: 200 } as const;
/** A time of the seed's filters. A date without a time is its first moment in UTC. */
const time = {
  type: 'string',
  pattern: '^(\\d{1,12}|\\d{4}-\\d\\d-\\d\\d(T[0-9:.]+(Z|[+-]\\d\\d:\\d\\d))?)$',
  description: 'seconds since the epoch, or a date with or without a time',
} as const;

type MessageParts = Pick<Parts, 'sessions' | 'files' | 'config'>;

/** The messages of a thread: its session's log, as people see it. */
export function messageRoutes(parts: MessageParts): Route[] {
  return [
    addMessage(parts),
    listThreadMessages(parts),
    readOneMessage(parts),
    changeMessage(parts),
    deleteMessage(parts),
  ];
}

/**
 * Answers at once with the user's message. The agent's answer is a message of its own, which the client finds by listing. Only a
 * user's message is answered: an assistant's message is history.
 */
function addMessage({ sessions, files, config }: MessageParts): Route {
  return route({
    method: 'POST',
    path: '/v1/threads/:thread/messages',
    keepsAnswer: true,
    summary: 'Adds a message to a thread. With run=true the agent answers it.',
    access: 'chat',
    bodyMaxBytes: config.limits.messageMaxBytes,
    bodyLenient: true,
    query: { type: 'object', properties: { run: booleanInQuery } },
    body: newMessageSchema,
    answer: messageSchema,
    async handle({ params, query, body, caller, ignored }) {
      // A wish that is ignored would go unnoticed.
      for (const name of ['model', 'instructions'])
        if (ignored.includes(`/${name}`)) throw invalidField(name, 'is for a run, and not for a message');
      const session = await findThread(sessions, params.thread, caller);
      const message = await readMessage(files.files, body, caller);
      const asked = query.run === undefined ? config.threadAutoReply : isTrueInQuery(query.run);
      const run = asked && message.role === 'user';
      if (run) checkSpeaking(caller, session.config);
      const line = await session.add({ ...message, run });
      return formatMessage(session.id, { line, seq: line.seq, part: 'said' }, {});
    },
  });
}

/**
 * OpenAI's cursors (after, before), and the seed's filters: start_time and end_time. user_id must be the caller's, because a
 * thread has one user.
 */
function listThreadMessages({ sessions }: MessageParts): Route {
  return route({
    method: 'GET',
    path: '/v1/threads/:thread/messages',
    summary: "A thread's messages, newest first unless asked otherwise.",
    access: 'look',
    query: {
      type: 'object',
      properties: {
        limit: limitSchema,
        order: orderSchema,
        after: id,
        before: id,
        run_id: id,
        user_id: id,
        start_time: time,
        end_time: time,
      },
    },
    answer: listSchema(messageSchema),
    async handle({ params, query, caller }) {
      const session = await findThread(sessions, params.thread, caller);
      if (query.user_id !== undefined && query.user_id !== caller.id)
        throw new AppError('forbidden', 'user_id is not the one of the caller.', {
          faults: [{ pointer: '/user_id', detail: "must be the caller's" }],
        });
      const { messages, more } = await listMessages(session, {
        limit: Number(query.limit ?? 20),
        order: query.order ?? 'desc',
        after: cursorOf(session, 'after', query.after),
        before: cursorOf(session, 'before', query.before),
        runId: query.run_id,
        from: secondsAt('start_time', query.start_time),
        to: secondsAt('end_time', query.end_time),
      });
      return listOf(messages, more);
    },
  });
}

/** The message's id holds its place in the log, so that no index is needed. */
function readOneMessage(parts: MessageParts): Route {
  return route({
    method: 'GET',
    path: '/v1/threads/:thread/messages/:message',
    summary: 'A message.',
    access: 'look',
    answer: messageSchema,
    handle: async ({ params, caller }) => (await find(parts, params, caller)).message,
  });
}

/** The log is never changed. A mark on the line holds the metadata. */
function changeMessage(parts: MessageParts): Route {
  return route({
    method: 'POST',
    path: '/v1/threads/:thread/messages/:message',
    summary: 'Changes the metadata of a message.',
    access: 'chat',
    bodyLenient: true,
    body: {
      type: 'object',
      examples: [{ metadata: { room: 'kitchen' } }],
      properties: { metadata: metadataSchema },
    },
    answer: messageSchema,
    async handle({ params, body: { metadata }, caller }) {
      const { session, anchor, message } = await find(parts, params, caller);
      if (!metadata) return message;
      await session.mark([anchor.seq], anchor.part, { metadata });
      return { ...message, metadata };
    },
  });
}

/** A mark hides the lines from every view and from the model. They stay in the log (contract 2: a tombstone). */
function deleteMessage(parts: MessageParts): Route {
  return route({
    method: 'DELETE',
    path: '/v1/threads/:thread/messages/:message',
    keepsAnswer: true,
    summary: 'Deletes a message from every view, and from the model.',
    access: 'chat',
    answer: deletedSchema('thread.message.deleted'),
    async handle({ params, caller }) {
      const { session, anchor, message, lines } = await find(parts, params, caller);
      if (message.status === 'in_progress')
        throw new AppError('conflict', 'The agent is still answering: delete the message once it has ended.');
      await session.mark(lines, anchor.part, { removed: true });
      return { id: message.id, object: 'thread.message.deleted', deleted: true };
    },
  });
}

/** The message that a path names. */
async function find(
  { sessions }: MessageParts,
  params: { thread: string; message: string },
  caller: Principal,
) {
  const session = await findThread(sessions, params.thread, caller);
  const found = await messageAt(session, placeOf(session.id, params.message));
  if (!found) throw noSuchMessage(params.message);
  return { session, ...found };
}

/** The place that a cursor names. Throws `invalid_request` unless it is a message of the thread. */
function cursorOf(session: Session, name: string, messageId: string | undefined) {
  if (messageId === undefined) return undefined;
  try {
    return placeOf(session.id, messageId);
  } catch (cause) {
    throw new AppError('invalid_request', `The query is not valid: /${name} is no message of this thread.`, {
      cause,
      faults: [{ pointer: `/${name}`, detail: 'is no message of this thread' }],
    });
  }
}

/**
 * A time in a query, in seconds since the epoch; undefined when it is missing. Throws `invalid_request` for a text that is no
 * time.
 */
function secondsAt(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d{1,12}$/.test(text) && !/^\d{4}-/.test(text) ? Number(text) : Date.parse(text) / 1000;
  if (Number.isNaN(seconds))
    throw new AppError('invalid_request', `The query is not valid: /${name} is no time.`, {
      faults: [{ pointer: `/${name}`, detail: 'is no time' }],
    });
  return seconds;
}
