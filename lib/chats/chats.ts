import { systemClock, type Clock } from '../common/clock.ts';
import type { JsonValue } from '../common/json.ts';
import { AppError } from '../errors.ts';
import { allOrNone, NotAllFound } from '../store/all-or-none.ts';
import { requireRecordRoom } from '../store/record-room.ts';
import { chatMessageOf, chatOf, insertMessages, touchChat } from './chat-rows.ts';
import type { ChatsDb } from './schema.ts';

/** A conversation that its client leads. Times in ms since the epoch. */
export interface Chat {
  id: number;
  uuid: string;
  owner: string;
  title: string | null;
  modelConfigId: number | null;
  /** Chats with a preset are one kind, chats without one another: no list has both. */
  presetId: string | null;
  visibility: 'private' | 'shared';
  createdAt: number;
  updatedAt: number;
}

/** A message before it is stored. */
export interface NewChatMessage {
  role: 'user' | 'assistant' | 'system';
  type?: 'text' | 'image';
  /** A text, or parts as a dialect keeps them. */
  content: JsonValue;
  /** False: only the model sees it. */
  visible?: boolean;
  /** False: the message broke off. */
  complete?: boolean;
  createdAt?: number | undefined;
}

/** A stored message. */
export type ChatMessage = Required<NewChatMessage> & { id: number; createdAt: number };

/** A chat before it is made. */
export interface NewChat {
  owner: string;
  title?: string | null;
  modelConfigId?: number;
  presetId?: string;
  visibility?: 'private' | 'shared';
  messages?: readonly NewChatMessage[];
}

/** The fields of a chat that change. */
export type ChatChanges = Partial<Pick<NewChat, 'modelConfigId' | 'visibility'>> & { title?: string };

/** With a preset or without. */
export type ChatKind = 'preset' | 'free';

/** A part of a list of chats. */
export interface ChatPage {
  offset: number;
  limit: number;
  orderBy: 'id' | 'title' | 'created_at' | 'updated_at';
  order: 'asc' | 'desc';
}

/**
 * The chats in the database.
 *
 * Contract: rejects with `not_found` for a chat that was removed meanwhile. The caller has checked the rights. The ids of a
 * chat's messages rise, and no id is used twice.
 */
export interface Chats {
  /** Rejects with `too_many_requests`, as a first copy does, where the owner has as many chats of both kinds as it may have. */
  create(chat: NewChat): Promise<Chat>;
  find(which: { id: number } | { uuid: string }): Promise<Chat | undefined>;
  list(owner: string, kind: ChatKind, page: ChatPage): Promise<Chat[]>;
  change(id: number, changes: ChatChanges): Promise<Chat>;
  messages(id: number): Promise<ChatMessage[]>;
  /** The messages of several chats at once. */
  messagesOf(ids: readonly number[]): Promise<Map<number, ChatMessage[]>>;
  findMessage(chatId: number, id: number): Promise<ChatMessage | undefined>;
  /** Adds a message; resolves with its id. */
  append(id: number, message: NewChatMessage): Promise<number>;
  /** Replaces the visible messages. Hidden messages stay in front, and are not added again where `messages` has them, too. */
  replaceVisible(id: number, messages: readonly NewChatMessage[]): Promise<void>;
  /** Removes chats; false, and none is removed, unless all of them exist and belong to the owner. */
  remove(owner: string, ids: readonly number[], kind: ChatKind): Promise<boolean>;
  /** Removes all chats of an owner with their messages. */
  removeOwner(owner: string): Promise<void>;
  /** The owner's copy of the chat with a uuid, if there is one. */
  findCopy(owner: string, uuid: string): Promise<Chat | undefined>;
  /** The owner's copy of another owner's chat. The first call makes it; later changes of the chat do not reach it. */
  copy(chat: Chat, owner: string): Promise<Chat>;
}

/** Chats over their tables; an owner may have `maxCount`. */
export function createChats(db: ChatsDb, maxCount: number, clock: Clock = systemClock): Chats {
  return new StoredChats(db, maxCount, clock);
}

/** Chats over their tables. */
class StoredChats implements Chats {
  readonly #db: ChatsDb;
  readonly #maxCount: number;
  readonly #clock: Clock;

  constructor(db: ChatsDb, maxCount: number, clock: Clock) {
    this.#db = db;
    this.#maxCount = maxCount;
    this.#clock = clock;
  }

  create(chat: NewChat): Promise<Chat> {
    return this.#db.transaction().execute((trx) => this.#insertChat(trx, chat, null));
  }

  async find(which: { id: number } | { uuid: string }): Promise<Chat | undefined> {
    const query = this.#db.selectFrom('chats').selectAll();
    const found = 'id' in which ? query.where('id', '=', which.id) : query.where('uuid', '=', which.uuid);
    const row = await found.executeTakeFirst();
    return row && chatOf(row);
  }

  async list(owner: string, kind: ChatKind, page: ChatPage): Promise<Chat[]> {
    const { offset, limit, orderBy, order } = page;
    let query = this.#db
      .selectFrom('chats')
      .selectAll()
      .where('owner', '=', owner)
      .where('preset_id', kind === 'preset' ? 'is not' : 'is', null)
      .orderBy(orderBy, order);
    if (orderBy !== 'id') query = query.orderBy('id', order);
    return (await query.limit(limit).offset(offset).execute()).map(chatOf);
  }

  async change(id: number, { title, visibility, modelConfigId }: ChatChanges): Promise<Chat> {
    const row = await this.#db
      .updateTable('chats')
      .set({
        updated_at: this.#clock.now(),
        ...(title !== undefined && { title }),
        ...(visibility !== undefined && { visibility }),
        ...(modelConfigId !== undefined && { model_config_id: modelConfigId }),
      })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
    if (!row) throw noSuchChat();
    return chatOf(row);
  }

  messages(id: number): Promise<ChatMessage[]> {
    return readMessages(this.#db, id);
  }

  async messagesOf(ids: readonly number[]): Promise<Map<number, ChatMessage[]>> {
    const all = new Map(ids.map((id): [number, ChatMessage[]] => [id, []]));
    if (ids.length === 0) return all;
    const rows = await this.#db
      .selectFrom('chat_messages')
      .selectAll()
      .where('chat_id', 'in', ids)
      .orderBy('id')
      .execute();
    for (const row of rows) all.get(row.chat_id)?.push(chatMessageOf(row));
    return all;
  }

  async findMessage(chatId: number, id: number): Promise<ChatMessage | undefined> {
    const row = await this.#db
      .selectFrom('chat_messages')
      .selectAll()
      .where('chat_id', '=', chatId)
      .where('id', '=', id)
      .executeTakeFirst();
    return row && chatMessageOf(row);
  }

  append(id: number, message: NewChatMessage): Promise<number> {
    return this.#db.transaction().execute(async (trx) => {
      await this.#touch(trx, id);
      const [made] = await insertMessages(trx, id, [message], this.#clock.now());
      return made!;
    });
  }

  replaceVisible(id: number, messages: readonly NewChatMessage[]): Promise<void> {
    return this.#db.transaction().execute(async (trx) => {
      await this.#touch(trx, id);
      await trx.deleteFrom('chat_messages').where('chat_id', '=', id).where('visible', '=', 1).execute();
      const hidden = new Set((await readMessages(trx, id)).map(contentKey));
      const added = messages.filter((one) => one.visible !== false || !hidden.has(contentKey(one)));
      await insertMessages(trx, id, added, this.#clock.now());
    });
  }

  async remove(owner: string, ids: readonly number[], kind: ChatKind): Promise<boolean> {
    const wanted = [...new Set(ids)];
    if (wanted.length === 0) return true;
    return allOrNone(this.#db, async (trx) => {
      const gone = await trx
        .deleteFrom('chats')
        .where('id', 'in', wanted)
        .where('owner', '=', owner)
        .where('preset_id', kind === 'preset' ? 'is not' : 'is', null)
        .returning('id')
        .execute();
      if (gone.length < wanted.length) throw new NotAllFound();
      await trx.deleteFrom('chat_messages').where('chat_id', 'in', wanted).execute();
    });
  }

  removeOwner(owner: string): Promise<void> {
    return this.#db.transaction().execute(async (trx) => {
      const own = trx.selectFrom('chats').select('id').where('owner', '=', owner);
      await trx.deleteFrom('chat_messages').where('chat_id', 'in', own).execute();
      await trx.deleteFrom('chats').where('owner', '=', owner).execute();
    });
  }

  async findCopy(owner: string, uuid: string): Promise<Chat | undefined> {
    const row = await this.#db
      .selectFrom('chats')
      .selectAll()
      .where('owner', '=', owner)
      .where('copied_from', '=', uuid)
      .executeTakeFirst();
    return row && chatOf(row);
  }

  async copy(chat: Chat, owner: string): Promise<Chat> {
    const known = await this.findCopy(owner, chat.uuid);
    if (known) return known;
    const { title, presetId } = chat;
    try {
      return await this.#db.transaction().execute(async (trx) => {
        const messages = await readMessages(trx, chat.id);
        const copy = { owner, title, ...(presetId !== null && { presetId }), messages };
        return this.#insertChat(trx, copy, chat.uuid);
      });
    } catch (error) {
      const other = await this.findCopy(owner, chat.uuid); // another request of the owner made it at the same time
      if (other) return other;
      throw error;
    }
  }

  /** Writes a chat with its messages, where its owner has room for it. */
  async #insertChat(trx: ChatsDb, chat: NewChat, copiedFrom: string | null): Promise<Chat> {
    const { owner } = chat;
    const own = trx.selectFrom('chats').where('owner', '=', owner);
    await requireRecordRoom(trx, { owner, kind: 'chats', own, maxCount: this.#maxCount });
    const time = this.#clock.now();
    const row = await trx
      .insertInto('chats')
      .values({
        uuid: this.#clock.newId(),
        owner,
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
    await insertMessages(trx, row.id, chat.messages ?? [], time);
    return chatOf(row);
  }

  /** Locks a chat, and notes the time of its change. Throws `not_found`. */
  async #touch(trx: ChatsDb, id: number): Promise<void> {
    if (!(await touchChat(trx, id, this.#clock.now()))) throw noSuchChat();
  }
}

/** The messages of a chat in their order. */
async function readMessages(on: ChatsDb, chatId: number): Promise<ChatMessage[]> {
  const rows = await on
    .selectFrom('chat_messages')
    .selectAll()
    .where('chat_id', '=', chatId)
    .orderBy('id')
    .execute();
  return rows.map(chatMessageOf);
}

/** A text that is the same for messages that say the same. */
function contentKey({ role, type = 'text', content }: NewChatMessage): string {
  return JSON.stringify([role, type, content]);
}

function noSuchChat(): AppError {
  return new AppError('not_found', 'The conversation is gone.');
}
