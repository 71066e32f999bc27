import type { Clock } from '../common/clock.ts';
import { estimateTokens } from '../core/tokens.ts';
import type { JsonValue } from '../common/json.ts';
import type { Ledger } from '../credits/ledger.ts';
import type { CreditsDb } from '../credits/schema.ts';
import { insertMessages, touchChat } from './chat-rows.ts';
import type { ChatsDb } from './schema.ts';
import type { ChatTaskState } from './task-watch.ts';

/** The result of a task. */
export interface TaskEnd {
  status: 'finished' | 'failed';
  /** The text of the model; nothing of it is in the chat yet. */
  content: string;
  /** False: the text broke off. */
  complete: boolean;
  /** Tokens as the endpoint counted them; estimated when missing. */
  tokens?: number;
  /** A picture that the chat gets in place of the text. */
  picture?: JsonValue;
  /** The chat's title from now on; the chat gets no message then. */
  title?: string;
  error?: string;
}

/** The states of a task that has not ended. */
export const unfinished = ['pending', 'running'] as const;

/** The parts that the end of a task changes. */
export interface TaskEndParts {
  db: ChatsDb;
  ledger: Ledger;
  clock: Clock;
}

/** The same transaction, typed with the tables of credits. */
export function creditsOf(trx: ChatsDb): CreditsDb {
  return trx as unknown as CreditsDb;
}

/** Ends a task, once: its state, the chat's message and the credits are one transaction. Undefined when it has ended before. */
export async function endTask(
  { db, ledger, clock }: TaskEndParts,
  id: string,
  how: TaskEnd,
): Promise<ChatTaskState | undefined> {
  const { status, content, complete, error = null } = how;
  return db.transaction().execute(async (trx) => {
    const task = await trx
      .updateTable('chat_tasks')
      .set({ status, content, error, ended_at: clock.now() })
      .where('id', '=', id)
      // The condition that makes it happen once: of two processes that end a task, one finds it ended.
      .where('status', 'in', unfinished)
      .returning(['chat_id', 'type', 'rate', 'prompt_tokens'])
      .executeTakeFirst();
    if (!task) return undefined;
    const tokens = Math.ceil(how.tokens ?? task.prompt_tokens + estimateTokens(content));
    const tokenCost = status === 'finished' ? tokens : null;
    if (tokenCost !== null)
      await trx.updateTable('chat_tasks').set({ token_cost: tokenCost }).where('id', '=', id).execute();
    // A chat that was removed meanwhile gets nothing; the credits are settled all the same.
    if (await touchChat(trx, task.chat_id, clock.now())) {
      if (how.title !== undefined)
        await trx.updateTable('chats').set({ title: how.title }).where('id', '=', task.chat_id).execute();
      else if (how.picture !== undefined)
        await insertMessages(
          trx,
          task.chat_id,
          [{ role: 'assistant', type: 'image', content: how.picture }],
          clock.now(),
        );
      else if (task.type === 'chat_generation' && content !== '')
        await insertMessages(trx, task.chat_id, [{ role: 'assistant', content, complete }], clock.now());
    }
    // A failed task costs nothing, also where the model has said something.
    if (tokenCost === null) await ledger.release(id, creditsOf(trx));
    else await ledger.settle(id, tokenCost * task.rate, creditsOf(trx));
    return { status, content, error, tokenCost };
  });
}
