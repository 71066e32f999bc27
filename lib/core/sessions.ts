import type { JsonObject } from './json.ts';
import type { ModelConfig } from './model.ts';
import type { Principal } from './principal.ts';
import type { Session } from './session.ts';

/** How tasks of a session, or calls of one reply, share time: one after the other, at once, or refused while one runs. */
export type Strategy = 'serial' | 'parallel' | 'reject';

/** What a session can do (contract 1, `POST /init`). */
export interface SessionConfig {
  model: ModelConfig;
  systemPrompt: string;
  /** The openSpecList entries as validated by the dialect. */
  documents: JsonObject[];
  /** Other sessions of the same owner, offered as tools. */
  children: { id: string; name: string; description: string }[];
  taskStrategy: Strategy;
  toolStrategy: Strategy;
  /** Idle life; it restarts with every task and message. */
  timeoutSeconds?: number;
  memoryTools: boolean;
}

/**
 * All sessions.
 *
 * Contract: rejects with an AppError only. `find` says `not_found` for an id that is unknown, expired or not the caller's.
 */
export interface Sessions {
  /** Opens the documents, stores the session and its first line; nothing is left behind when it fails. */
  create(config: SessionConfig, owner: Principal): Promise<string>;
  find(id: string, caller: Principal): Promise<Session>;
  /** Takes no more tasks, lets calls on the wire finish (bounded), ends all followers with `draining`. */
  close(): Promise<void>;
}
