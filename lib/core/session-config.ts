import type { JsonObject } from '../common/json.ts';
import type { ModelConfig } from './model.ts';

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
  /** Names a stored agent: every task works with what it is then, instead of what stands here. */
  agent?: string;
}
