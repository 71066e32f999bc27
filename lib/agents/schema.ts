import type { Kysely } from 'kysely';

/** The tables of stored agents, the same on SQLite and PostgreSQL. Times are ms since the epoch. */
export interface AgentTables {
  apps: AppsTable;
  app_versions: AppVersionsTable;
  app_conversations: AppConversationsTable;
  app_publications: AppPublicationsTable;
}

/** The database, or a transaction on it. */
export type AgentsDb = Kysely<AgentTables>;

/** The apps. */
export interface AppsTable {
  id: string;
  owner: string;
  name: string;
  icon: string;
  description: string;
  /** The session in which the owner tries the app; null before the first try. */
  conversation_id: string | null;
  /** The running summary of that conversation, and the number of the last line that is in it. */
  memory: string;
  memory_seq: number;
  /** Raised by every change of the two. */
  memory_revision: number;
  created_at: number;
  updated_at: number;
  /** When it was removed; null: it is there. Nobody finds a removed app any more. */
  deleted_at: number | null;
}

/** The versions of apps, at most one of each status for an app. */
export interface AppVersionsTable {
  app_id: string;
  status: 'drafted' | 'published';
  id: string;
  /** The AgentConfig, sealed. */
  config: string;
  /** 1: a running summary of the conversation is kept. */
  remembers: number;
  created_at: number;
  updated_at: number;
}

/** The configurations of apps that were published, numbered from 1. */
export interface AppPublicationsTable {
  app_id: string;
  /** Counts up with every publication of the app; a number is not used again. */
  number: number;
  /** That of the published version. */
  id: string;
  /** The AgentConfig, sealed. */
  config: string;
  remembers: number;
  created_at: number;
}

/** The conversations with published apps. */
export interface AppConversationsTable {
  /** That of the session, too. */
  id: string;
  app_id: string;
  /** The person behind the caller, as the caller names it. */
  end_user: string | null;
  created_at: number;
}
