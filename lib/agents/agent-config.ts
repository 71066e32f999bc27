import type { JsonObject } from '../common/json.ts';
import type { ModelConfig } from '../core/model.ts';
import type { DeviceUse, Strategy } from '../core/session-config.ts';

/** The configuration of an agent; missing fields come from the settings. */
export interface AgentConfig {
  model?: ModelConfig;
  systemPrompt?: string;
  /** openSpecList entries: documents that describe devices. */
  documents?: JsonObject[];
  /** Devices that the server knows. */
  devices?: DeviceUse[];
  toolStrategy?: Strategy;
  /** How many earlier turns the model gets; all when missing. */
  turnsMaxCount?: number;
  /** Data of clients; no task reads it. */
  others?: JsonObject;
}

/** An agent as a task works with it. */
export interface Agent {
  config: AgentConfig;
  /** The summary of the older conversation. The model gets it before the newer messages. */
  memory: string;
}
