import { AppError } from '../../errors.ts';

/** A thread is a session: `thread_` and the session's uuid without its dashes. */
export function threadIdOf(sessionId: string): string {
  return `thread_${hexOf(sessionId)}`;
}

/** The session of a thread. Throws `not_found` for what no thread can be called. */
export function sessionIdOf(threadId: string): string {
  const hex = /^thread_([0-9a-f]{32})$/.exec(threadId)?.[1];
  if (hex === undefined) throw noSuchThread(threadId);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Where a message stands: a line of the log may hold what a user said and stand for the answer. */
export interface MessagePlace {
  seq: number;
  part: 'said' | 'answer';
}

/** Places in the order of the messages. */
export function orderOf({ seq, part }: MessagePlace): number {
  return seq * 2 + (part === 'answer' ? 1 : 0);
}

/** `msg_`, the session's uuid without its dashes, and the place: no two messages of any threads share an id. */
export function messageIdOf(sessionId: string, place: MessagePlace): string {
  return `msg_${hexOf(sessionId)}${orderOf(place).toString(36)}`;
}

/** Where a message of a session stands. Throws `not_found` for what no message of it can be called. */
export function placeOf(sessionId: string, messageId: string): MessagePlace {
  const head = `msg_${hexOf(sessionId)}`;
  const tail = messageId.slice(head.length);
  const position = /^[1-9a-z][0-9a-z]{0,9}$/.test(tail) ? Number.parseInt(tail, 36) : 0;
  if (!messageId.startsWith(head) || position < 2) throw noSuchMessage(messageId);
  return { seq: Math.floor(position / 2), part: position % 2 === 1 ? 'answer' : 'said' };
}

/** The run that answers in a thread is the session's task. */
export function runIdOf(taskId: string): string {
  return `run_${taskId.replaceAll('-', '')}`;
}

/** The error for a thread that is not there. */
export function noSuchThread(threadId: string): AppError {
  return new AppError('not_found', `No thread found with id '${threadId.slice(0, 100)}'.`);
}

/** The error for a message that is not there. */
export function noSuchMessage(messageId: string): AppError {
  return new AppError('not_found', `No message found with id '${messageId.slice(0, 100)}'.`);
}

/** One session is asked for again and again: by a list for each of its messages. */
const hexOf: (uuid: string) => string = remembered((uuid) => uuid.replaceAll('-', ''));

function remembered(make: (text: string) => string): (text: string) => string {
  let known = '';
  let made = '';
  return (text) => {
    if (text !== known) [known, made] = [text, make(text)];
    return made;
  };
}
