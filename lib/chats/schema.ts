import type { Generated, Kysely } from 'kysely';

/** The tables of chats, the same on SQLite and PostgreSQL. Times are ms since the epoch, 1 and 0 are yes and no. */
export interface ChatTables {
  chats: ChatsTable;
  chat_messages: ChatMessagesTable;
  chat_tasks: ChatTasksTable;
}

/** The database, or a transaction on it. */
export type ChatsDb = Kysely<ChatTables>;

/** The chats. */
export interface ChatsTable {
  id: Generated<number>;
  uuid: string;
  owner: string;
  /** null: nobody has named it yet. */
  title: string | null;
  /** null: the chat has a preset, or its configuration was removed. */
  model_config_id: number | null;
  /** null: a free chat. */
  preset_id: string | null;
  visibility: 'private' | 'shared';
  /** The uuid of the chat that it is a copy of. */
  copied_from: string | null;
  created_at: number;
  updated_at: number;
}

/** The messages of chats, in the order of their ids. */
export interface ChatMessagesTable {
  id: Generated<number>;
  chat_id: number;
  role: 'user' | 'assistant' | 'system';
  type: 'text' | 'image';
  /** JSON: a text, or parts. */
  content: string;
  /** 0: only the model sees it. */
  visible: number;
  /** 0: the message broke off. */
  complete: number;
  created_at: number;
}

/** The tasks of chats. */
export interface ChatTasksTable {
  id: string;
  owner: string;
  chat_id: number;
  type: 'chat_generation' | 'title_generation' | 'image_generation';
  status: 'pending' | 'running' | 'finished' | 'failed';
  /** The text of the model so far. */
  content: string;
  /** The text for the client; null where nothing failed. */
  error: string | null;
  /** Credits a token; 0: nothing is held for it. */
  rate: number;
  /** Estimated. */
  prompt_tokens: number;
  /** Tokens; null until it has finished, and for a failed task, which costs nothing. */
  token_cost: number | null;
  /** 1: a client has connected to its stream. */
  streamed: number;
  /** 1: it was removed, and the process that works on it shall stop. */
  stopping: number;
  /** The end of the lease of the process that works on it. */
  lease_until: number;
  created_at: number;
  /** null while it is pending or running. */
  ended_at: number | null;
}
