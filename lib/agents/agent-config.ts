import type { JsonObject } from '../common/json.ts';
import type { ModelConfig } from '../core/model.ts';
import type { Strategy } from '../core/session-config.ts';

/** What an agent is made of, as people configure it; what is missing comes from the settings. */
export interface AgentConfig {
  model?: ModelConfig;
  systemPrompt?: string;
  /** openSpecList entries: documents that describe devices. */
  documents?: JsonObject[];
  toolStrategy?: Strategy;
  /** How many earlier turns the model is shown; all when missing. */
  turnsMaxCount?: number;
  /** What clients keep beside it; no task looks at it. */
  others?: JsonObject;
}

/** An agent as a task works with it. */
export interface Agent {
  config: AgentConfig;
  /** What was said before, in short; stands in front of the conversation. */
  memory: string;
}
