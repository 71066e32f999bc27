import { v4 as newUuid } from 'uuid';
import type { JsonValue } from '../common/json.ts';
import { AppError } from '../errors.ts';
import { chatOf, falseIfNotAll, insertMessages, chatMessageOf, NotAll, touchChat } from './chat-rows.ts';
import type { ChatsDb } from './schema.ts';

/** A conversation that its client leads. Times in ms since the epoch. */
export interface Chat {
  id: number;
  uuid: string;
  owner: string;
  title: string | null;
  modelConfigId: number | null;
  /** Chats of a preset are one kind, those without another: no list shows both. */
  presetId: string | null;
  visibility: 'private' | 'shared';
  createdAt: number;
  updatedAt: number;
}

export interface NewChatMessage {
  role: 'user' | 'assistant' | 'system';
  type?: 'text' | 'image';
  /** A text, or parts as a dialect keeps them. */
  content: JsonValue;
  /** False: the model gets it, people do not. */
  visible?: boolean;
  /** False: it broke off. */
  complete?: boolean;
  createdAt?: number | undefined;
}

export type ChatMessage = Required<NewChatMessage> & { id: number; createdAt: number };

export interface NewChat {
  owner: string;
  title?: string | null;
  modelConfigId?: number;
  presetId?: string;
  visibility?: 'private' | 'shared';
  messages?: readonly NewChatMessage[];
}

/** With a preset or without. */
export type ChatKind = 'preset' | 'free';

export interface ChatPage {
  offset: number;
  limit: number;
  orderBy: 'id' | 'title' | 'created_at' | 'updated_at';
  order: 'asc' | 'desc';
}

/**
 * The chats in the database.
 *
 * Contract: `not_found` for a chat that is gone meanwhile; whoever asks has been allowed to. Messages of a chat rise in their
 * ids, and none is used twice.
 */
export interface Chats {
  create(chat: NewChat): Promise<Chat>;
  find(which: { id: number } | { uuid: string }): Promise<Chat | undefined>;
  list(owner: string, kind: ChatKind, page: ChatPage): Promise<Chat[]>;
  change(id: number, changes: { title?: string; visibility?: 'private' | 'shared' }): Promise<Chat>;
  messages(id: number): Promise<ChatMessage[]>;
  /** Those of several chats at once. */
  messagesOf(ids: readonly number[]): Promise<Map<number, ChatMessage[]>>;
  findMessage(chatId: number, id: number): Promise<ChatMessage | undefined>;
  append(id: number, message: NewChatMessage): Promise<number>;
  /** The visible messages are these from now on; hidden ones stay in front. */
  replaceVisible(id: number, messages: readonly NewChatMessage[]): Promise<void>;
  /** False, and nothing is removed, unless all of them are there and the owner's. */
  remove(owner: string, ids: readonly number[], kind: ChatKind): Promise<boolean>;
  /** All chats of an owner: it is gone. */
  removeAll(owner: string): Promise<void>;
  /** The owner's copy of somebody's chat, made at the first time; the copy stays as it was then. */
  copy(chat: Chat, owner: string): Promise<Chat>;
}

/** Chats over their tables. */
export function openChats(db: ChatsDb, now: () => number = Date.now): Chats {
  async function touch(trx: ChatsDb, id: number): Promise<void> {
    if (!(await touchChat(trx, id, now()))) throw new AppError('not_found', 'The conversation is gone.');
  }

  const insert = (trx: ChatsDb, chatId: number, messages: readonly NewChatMessage[]) =>
    insertMessages(trx, chatId, messages, now());
  async function insertChat(trx: ChatsDb, chat: NewChat, copiedFrom: string | null): Promise<Chat> {
    const time = now();
    const row = await trx
      .insertInto('chats')
      .values({
        uuid: newUuid(),
        owner: chat.owner,
        title: chat.title ?? null,
        model_config_id: chat.modelConfigId ?? null,
        preset_id: chat.presetId ?? null,
        visibility: chat.visibility ?? 'private',
        copied_from: copiedFrom,
        created_at: time,
        updated_at: time,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await insert(trx, row.id, chat.messages ?? []);
    return chatOf(row);
  }

  async function messages(id: number, on: ChatsDb = db): Promise<ChatMessage[]> {
    const rows = await on
      .selectFrom('chat_messages')
      .selectAll()
      .where('chat_id', '=', id)
      .orderBy('id')
      .execute();
    return rows.map(chatMessageOf);
  }

  async function copyOf(owner: string, uuid: string): Promise<Chat | undefined> {
    const row = await db
      .selectFrom('chats')
      .selectAll()
      .where('owner', '=', owner)
      .where('copied_from', '=', uuid)
      .executeTakeFirst();
    return row && chatOf(row);
  }

  return {
    create: (chat) => db.transaction().execute((trx) => insertChat(trx, chat, null)),

    async find(which) {
      const query = db.selectFrom('chats').selectAll();
      const found = 'id' in which ? query.where('id', '=', which.id) : query.where('uuid', '=', which.uuid);
      const row = await found.executeTakeFirst();
      return row && chatOf(row);
    },

    async list(owner, kind, { offset, limit, orderBy, order }) {
      let query = db
        .selectFrom('chats')
        .selectAll()
        .where('owner', '=', owner)
        .where('preset_id', kind === 'preset' ? 'is not' : 'is', null)
        .orderBy(orderBy, order);
      if (orderBy !== 'id') query = query.orderBy('id', order);
      return (await query.limit(limit).offset(offset).execute()).map(chatOf);
    },

    async change(id, { title, visibility }) {
      const row = await db
        .updateTable('chats')
        .set({
          updated_at: now(),
          ...(title !== undefined && { title }),
          ...(visibility !== undefined && { visibility }),
        })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst();
      if (!row) throw new AppError('not_found', 'The conversation is gone.');
      return chatOf(row);
    },

    messages: (id) => messages(id),

    async messagesOf(ids) {
      const all = new Map(ids.map((id): [number, ChatMessage[]] => [id, []]));
      if (ids.length === 0) return all;
      const rows = await db
        .selectFrom('chat_messages')
        .selectAll()
        .where('chat_id', 'in', ids)
        .orderBy('id')
        .execute();
      for (const row of rows) all.get(row.chat_id)?.push(chatMessageOf(row));
      return all;
    },

    async findMessage(chatId, id) {
      const row = await db
        .selectFrom('chat_messages')
        .selectAll()
        .where('chat_id', '=', chatId)
        .where('id', '=', id)
        .executeTakeFirst();
      return row && chatMessageOf(row);
    },

    append: (id, message) =>
      db.transaction().execute(async (trx) => {
        await touch(trx, id);
        const [made] = await insert(trx, id, [message]);
        return made!;
      }),

    replaceVisible: (id, given) =>
      db.transaction().execute(async (trx) => {
        await touch(trx, id);
        await trx.deleteFrom('chat_messages').where('chat_id', '=', id).where('visible', '=', 1).execute();
        await insert(trx, id, given);
      }),

    async remove(owner, ids, kind) {
      const wanted = [...new Set(ids)];
      if (wanted.length === 0) return true;
      return db
        .transaction()
        .execute(async (trx) => {
          const gone = await trx
            .deleteFrom('chats')
            .where('id', 'in', wanted)
            .where('owner', '=', owner)
            .where('preset_id', kind === 'preset' ? 'is not' : 'is', null)
            .returning('id')
            .execute();
          if (gone.length < wanted.length) throw new NotAll();
          await trx.deleteFrom('chat_messages').where('chat_id', 'in', wanted).execute();
          return true;
        })
        .catch(falseIfNotAll);
    },

    removeAll: (owner) =>
      db.transaction().execute(async (trx) => {
        const mine = trx.selectFrom('chats').select('id').where('owner', '=', owner);
        await trx.deleteFrom('chat_messages').where('chat_id', 'in', mine).execute();
        await trx.deleteFrom('chats').where('owner', '=', owner).execute();
      }),

    async copy(chat, owner) {
      const known = await copyOf(owner, chat.uuid);
      if (known) return known;
      try {
        return await db.transaction().execute(async (trx) =>
          insertChat(
            trx,
            {
              owner,
              title: chat.title,
              ...(chat.presetId !== null && { presetId: chat.presetId }),
              messages: await messages(chat.id, trx),
            },
            chat.uuid,
          ),
        );
      } catch (error) {
        const other = await copyOf(owner, chat.uuid); // made by the same caller at the same time
        if (other) return other;
        throw error;
      }
    },
  };
}
