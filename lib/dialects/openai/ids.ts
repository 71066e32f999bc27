/*
 * An id on the wire holds the place of its object in the log, so that no index is needed. Places and lines are in base 36.
 *
 *   thread_, conv_                 the session
 *   run_                           the task, whose lines are looked for in the log
 *   msg_                           the session, and the line with its part (said or answer)
 *   resp_                          the session, the task, a line before it, and the part of the task
 *   msg_, fc_, fco_, mcp_, step_   with a `_` inside: the session, the line on which a task began, its reply, and a call of it
 */
import { AppError } from '../../errors.ts';

/** A thread is a session: `thread_` and the session's uuid without its dashes. */
export function threadIdOf(sessionId: string): string {
  return `thread_${hexOf(sessionId)}`;
}

/** A conversation is the same session again: `conv_` and its uuid without dashes. */
export function conversationIdOf(sessionId: string): string {
  return `conv_${hexOf(sessionId)}`;
}

/** The session id in the id of a thread or a conversation; undefined for any other text. */
export function sessionIdOf(kind: 'thread' | 'conv', id: string): string | undefined {
  return id.startsWith(`${kind}_`) ? uuidOf(id.slice(kind.length + 1)) : undefined;
}

/** The place of a message in the log. One line may hold a user's message, and also be the place of its answer. */
export interface MessagePlace {
  seq: number;
  part: 'said' | 'answer';
}

/** A number that sorts places in the order of their messages. */
export function orderOf({ seq, part }: MessagePlace): number {
  return seq * 2 + (part === 'answer' ? 1 : 0);
}

/** `msg_`, the session's uuid without dashes, and the place. So the ids of messages are unique in all threads. */
export function messageIdOf(sessionId: string, place: MessagePlace): string {
  return `msg_${hexOf(sessionId)}${orderOf(place).toString(36)}`;
}

/** The place in a message's id. Throws `not_found` for a text that is no id of this session's messages. */
export function placeOf(sessionId: string, messageId: string): MessagePlace {
  const head = `msg_${hexOf(sessionId)}`;
  const tail = messageId.slice(head.length);
  // Lines are numbered from 1, so that the first place is 2.
  const position = /^[1-9a-z][0-9a-z]{0,9}$/.test(tail) ? Number.parseInt(tail, 36) : 0;
  if (!messageId.startsWith(head) || position < 2) throw noSuchMessage(messageId);
  return { seq: Math.floor(position / 2), part: position % 2 === 1 ? 'answer' : 'said' };
}

/** The id of a run: the run that answers in a thread is a task of the session. */
export function runIdOf(taskId: string): string {
  return `run_${taskId.replaceAll('-', '')}`;
}

/** The place of a response: a task, in which session, and the line of the log after which the lines of the task are. */
export interface ResponsePlace {
  sessionId: string;
  taskId: string;
  after: number;
  /** How often the task had waited for results of its client before: each time ends a response. */
  part: number;
}

/** `resp_`, the uuids of the session and of the task without dashes, the line, and the part. So no index is needed. */
export function responseIdOf({ sessionId, taskId, after, part }: ResponsePlace): string {
  const tail = part === 0 ? '' : `_${part}`;
  return `resp_${hexOf(sessionId)}${taskId.replaceAll('-', '')}${after.toString(36)}${tail}`;
}

/** The place in the id of a response. Throws `not_found` for a text that is no such id. */
export function responsePlaceOf(responseId: string): ResponsePlace {
  const [, session = '', task = '', after = '', part = '0'] =
    /^resp_([0-9a-f]{32})([0-9a-f]{32})([0-9a-z]{1,10})(?:_([1-9]\d{0,3}))?$/.exec(responseId) ?? [];
  const [sessionId, taskId] = [uuidOf(session), uuidOf(task)];
  if (sessionId === undefined || taskId === undefined) throw noSuchResponse(responseId);
  return { sessionId, taskId, after: Number.parseInt(after, 36), part: Number(part) };
}

/** The place of an item of a conversation that a task made: a reply of the model, and in it a call. */
export interface ItemPlace {
  /** The line on which the task began. */
  start: number;
  /** Which reply of the task, counted from 0. */
  reply: number;
  /** Which call of the reply, counted from 0; missing for its text. */
  call?: number | undefined;
}

/** The id of such an item: a prefix, the session's uuid without dashes, and the place. */
export function itemIdOf(prefix: string, sessionId: string, { start, reply, call }: ItemPlace): string {
  const tail = call === undefined ? '' : `_${call}`;
  return `${prefix}_${hexOf(sessionId)}${start.toString(36)}_${reply}${tail}`;
}

/** The id of a step of a run: `step_`, the session's uuid without dashes, the line on which the task began, and its reply. */
export function stepIdOf(sessionId: string, start: number, reply: number): string {
  return itemIdOf('step', sessionId, { start, reply });
}

/** The session and the line in the id of any item: where the message is, or where its task began. Undefined for any other text. */
export function itemLineOf(itemId: string): { sessionId: string; line: number } | undefined {
  const [, hex = '', place = '', tail] =
    /^[a-z]+_([0-9a-f]{32})([0-9a-z]{1,10})(_\d+(_\d+)?)?$/.exec(itemId) ?? [];
  const sessionId = uuidOf(hex);
  if (sessionId === undefined) return undefined;
  const position = Number.parseInt(place, 36);
  return { sessionId, line: tail === undefined ? Math.floor(position / 2) : position };
}

/** The error for an unknown run. */
export function noSuchRun(runId: string): AppError {
  return new AppError('not_found', `No run found with id '${runId.slice(0, 100)}'.`);
}

/** The error for an unknown response. */
export function noSuchResponse(responseId: string): AppError {
  return new AppError('not_found', `Response with id '${responseId.slice(0, 100)}' not found.`);
}

/** The error for an unknown conversation. */
export function noSuchConversation(conversationId: string): AppError {
  return new AppError('not_found', `Conversation with id '${conversationId.slice(0, 100)}' not found.`);
}

/** The error for an unknown item of a conversation. */
export function noSuchItem(itemId: string): AppError {
  return new AppError('not_found', `Item with id '${itemId.slice(0, 100)}' not found.`);
}

/** The error for an unknown thread. */
export function noSuchThread(threadId: string): AppError {
  return new AppError('not_found', `No thread found with id '${threadId.slice(0, 100)}'.`);
}

/** The error for an unknown message. */
export function noSuchMessage(messageId: string): AppError {
  return new AppError('not_found', `No message found with id '${messageId.slice(0, 100)}'.`);
}

/** Remembers the last result: a list asks for the same session with each of its messages. */
const hexOf: (uuid: string) => string = remembered((uuid) => uuid.replaceAll('-', ''));

/** The uuid of 32 hexadecimal digits; undefined for any other text. */
function uuidOf(hex: string): string | undefined {
  const parts = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(hex);
  return parts ? parts.slice(1).join('-') : undefined;
}

function remembered(make: (text: string) => string): (text: string) => string {
  let known = '';
  let made = '';
  return (text) => {
    if (text !== known) [known, made] = [text, make(text)];
    return made;
  };
}
