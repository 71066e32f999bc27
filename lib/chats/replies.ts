import type { Model, ModelMessage, ModelReply } from '../core/model.ts';
import { AppError } from '../errors.ts';
import type { Chats } from './chats.ts';

/** A reply that is asked for. */
export interface ReplyWanted {
  chatId: number;
  model: Model;
  messages: readonly ModelMessage[];
  /** Aborts when the client no longer wants the reply. */
  signal: AbortSignal;
  /** Receives each delta. */
  onText(text: string): void;
  /** Back-pressure: while this promise is pending, nothing more is read from the model. */
  pace?: () => Promise<void> | undefined;
}

/** The outcome: the reply, which is in the chat under this id; or an error, with the text before it, which is stored too. */
export type ReplyOutcome =
  | { messageId: number; reply: ModelReply }
  | { messageId: number | undefined; said: string; error: unknown };

/** Asks models and stores their replies in chats. */
export interface Replies {
  /** Resolves when the reply is stored; a reply that broke off (stop, failure, shutdown) is stored as incomplete. Rejects when the database fails. */
  ask(wanted: ReplyWanted): Promise<ReplyOutcome>;
  /** Breaks off all replies, and waits until they are stored. */
  close(): Promise<void>;
}

/** Replies into these chats. */
export function openReplies(chats: Pick<Chats, 'append'>): Replies {
  const closing = new AbortController();
  // `close` waits for these: the text of a reply that it breaks off must be in the chat before the database closes.
  const running = new Set<Promise<unknown>>();

  async function ask({ chatId, model, messages, signal, onText, pace }: ReplyWanted): Promise<ReplyOutcome> {
    let said = '';
    const store = (content: string, complete: boolean) =>
      chats.append(chatId, { role: 'assistant', content, complete });
    let reply: ModelReply;
    try {
      reply = await model.reply(
        { messages, tools: [] },
        {
          signal: AbortSignal.any([signal, closing.signal]),
          onDelta(text) {
            said += text;
            onText(text);
          },
          ...(pace && { pace }),
        },
      );
    } catch (error) {
      return { messageId: said === '' ? undefined : await store(said, false), said, error };
    }
    return { messageId: await store(reply.text, true), reply };
  }

  return {
    async ask(wanted) {
      const work = ask(wanted);
      running.add(work);
      try {
        return await work;
      } finally {
        running.delete(work);
      }
    },
    async close() {
      closing.abort(new AppError('stopped', 'The server is going away.'));
      await Promise.allSettled(running);
    },
  };
}
