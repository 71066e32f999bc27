import type { Selectable } from 'kysely';
import type { JsonValue } from '../common/json.ts';
import type { Chat, ChatMessage, NewChatMessage } from './chats.ts';
import type { ChatMessagesTable, ChatsDb, ChatsTable } from './schema.ts';

/** Locks a chat until the transaction ends, and notes the time of its change; false when it was removed. */
export async function touchChat(trx: ChatsDb, id: number, time: number): Promise<boolean> {
  const row = await trx
    .updateTable('chats')
    .set({ updated_at: time })
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Adds messages at the end of a chat; resolves with their ids, in order. */
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

/** The chat of a row. */
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

/** The message of a row. */
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
