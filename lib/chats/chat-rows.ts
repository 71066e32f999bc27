import type { Selectable } from 'kysely';
import type { JsonValue } from '../common/json.ts';
import type { Chat, ChatMessage, NewChatMessage } from './chats.ts';
import type { ChatMessagesTable, ChatsDb, ChatsTable } from './schema.ts';

/** Locks a chat until the transaction ends, and notes that it changed; false when it is gone. */
export async function touchChat(trx: ChatsDb, id: number, time: number): Promise<boolean> {
  const row = await trx
    .updateTable('chats')
    .set({ updated_at: time })
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Writes messages at the end of a chat; their ids, in order. */
export async function insertMessages(
  trx: ChatsDb,
  chatId: number,
  messages: readonly NewChatMessage[],
  time: number,
): Promise<number[]> {
  if (messages.length === 0) return [];
  const rows = messages.map((message) => ({
    chat_id: chatId,
    role: message.role,
    type: message.type ?? 'text',
    // PostgreSQL keeps no NUL in a text, JSON writes it as an escape.
    content: JSON.stringify(message.content),
    visible: message.visible === false ? 0 : 1,
    complete: message.complete === false ? 0 : 1,
    created_at: message.createdAt ?? time,
  }));
  const made = await trx.insertInto('chat_messages').values(rows).returning('id').execute();
  return made.map(({ id }) => id);
}

/** Rolls a transaction back that would have removed a part. */
export class NotAll extends Error {}

/** False for a transaction that was rolled back for this. */
export function falseIfNotAll(error: unknown): false {
  if (error instanceof NotAll) return false;
  throw error;
}

/** A chat as its row says. */
export function chatOf(row: Selectable<ChatsTable>): Chat {
  return {
    id: row.id,
    uuid: row.uuid,
    owner: row.owner,
    title: row.title,
    modelConfigId: row.model_config_id,
    presetId: row.preset_id,
    visibility: row.visibility,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** A message as its row says. */
export function chatMessageOf(row: Selectable<ChatMessagesTable>): ChatMessage {
  return {
    id: row.id,
    role: row.role,
    type: row.type,
    content: JSON.parse(row.content) as JsonValue,
    visible: row.visible === 1,
    complete: row.complete === 1,
    createdAt: row.created_at,
  };
}
