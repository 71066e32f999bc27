import type { Model, ModelMessage, ModelReply } from '../core/model.ts';
import { AppError } from '../errors.ts';
import type { Chats } from './chats.ts';

export interface ReplyWanted {
  chatId: number;
  model: Model;
  messages: readonly ModelMessage[];
  /** Whoever wants the reply does so no longer. */
  signal: AbortSignal;
  onText(text: string): void;
  /** While pending nothing more is read of the model. */
  pace?: () => Promise<void> | undefined;
}

/** What came of asking: the reply is in the chat under this id; with an error what was said before it, if anything. */
export type ReplyOutcome =
  | { messageId: number; reply: ModelReply }
  | { messageId: number | undefined; said: string; error: unknown };

/** Asks models and keeps what they say in chats. */
export interface Replies {
  /** Resolves when the answer is stored; one that broke off (stop, failure, shutdown) is stored as incomplete. Rejects when the store fails. */
  ask(wanted: ReplyWanted): Promise<ReplyOutcome>;
  /** Breaks off what is being said, and waits until it is stored. */
  close(): Promise<void>;
}

/** Replies into these chats. */
export function openReplies(chats: Pick<Chats, 'append'>): Replies {
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();

  async function ask({ chatId, model, messages, signal, onText, pace }: ReplyWanted): Promise<ReplyOutcome> {
    let said = '';
    const keep = (content: string, complete: boolean) =>
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
      return { messageId: said === '' ? undefined : await keep(said, false), said, error };
    }
    return { messageId: await keep(reply.text, true), reply };
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
