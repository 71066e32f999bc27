import type { ServerResponse } from 'node:http';
import type { GivenAnswer } from '../accounts/first-requests.ts';

/** A longer answer is not kept. Its repeat is refused. */
const ANSWER_MAX_CHARS = 4 * 1024 * 1024;

/** An answer that is recorded while it is given. */
export interface AnswerRecord {
  /** An answer that was abandoned, or is too long, is lost. */
  readonly whole: Promise<GivenAnswer | 'lost'>;
  /** Adds a text after the client has left. */
  note(text: string): void;
  /** The answer is whole, although the client has left. */
  finish(): void;
  abandon(): void;
}

const records = new WeakMap<ServerResponse, AnswerRecord>();

/** The record of an answer; undefined where nobody can ask for it again. */
export function answerRecordOf(response: ServerResponse): AnswerRecord | undefined {
  return records.get(response);
}

/** Records an answer. It is whole when it ends, whether or not the client is still there to take it. */
export function recordAnswer(response: ServerResponse): AnswerRecord {
  let settle: (answer: GivenAnswer | 'lost') => void = () => undefined;
  const whole = new Promise<GivenAnswer | 'lost'>((resolve) => (settle = resolve));
  let body: string | undefined = '';
  const note = (chunk: unknown): void => {
    if (body === undefined) return;
    if (typeof chunk === 'string') body += chunk;
    else if (chunk instanceof Uint8Array) body += Buffer.from(chunk).toString();
    if (body.length > ANSWER_MAX_CHARS) body = undefined;
  };
  const finish = (): void => {
    const contentType = String(response.getHeader('content-type') ?? 'application/json');
    settle(body === undefined ? 'lost' : { status: response.statusCode, contentType, body });
  };
  const write = response.write.bind(response) as (...args: unknown[]) => boolean;
  const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
  response.write = (...args: unknown[]) => {
    note(args[0]);
    return write(...args);
  };
  response.end = (...args: unknown[]) => {
    note(args[0]);
    finish();
    return end(...args);
  };
  const record = { whole, note, finish, abandon: () => settle('lost') };
  records.set(response, record);
  return record;
}
