import { AppError } from '../../errors.ts';

/** A thread is a session: `thread_` and the session's uuid without its dashes. */
export function threadIdOf(sessionId: string): string {
  return `thread_${hexOf(sessionId)}`;
}

/** The session id in a thread's id. Throws `not_found` for a text that is no thread's id. */
export function sessionIdOf(threadId: string): string {
  const hex = /^thread_([0-9a-f]{32})$/.exec(threadId)?.[1];
  if (hex === undefined) throw noSuchThread(threadId);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
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
  const position = /^[1-9a-z][0-9a-z]{0,9}$/.test(tail) ? Number.parseInt(tail, 36) : 0;
  if (!messageId.startsWith(head) || position < 2) throw noSuchMessage(messageId);
  return { seq: Math.floor(position / 2), part: position % 2 === 1 ? 'answer' : 'said' };
}

/** The id of a run: the run that answers in a thread is a task of the session. */
export function runIdOf(taskId: string): string {
  return `run_${taskId.replaceAll('-', '')}`;
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

function remembered(make: (text: string) => string): (text: string) => string {
  let known = '';
  let made = '';
  return (text) => {
    if (text !== known) [known, made] = [text, make(text)];
    return made;
  };
}
