import type { JsonObject } from '../common/json.ts';
import type { ModelConfig } from './model.ts';

/** How the tasks of a session, or the calls of one reply, share time: one after the other, at once, or refused while one runs. */
export type Strategy = 'serial' | 'parallel' | 'reject';

/** Another session as a tool. The registry makes a missing name and description from that session when the parent is created. */
export interface Child {
  id: string;
  name?: string;
  description?: string;
}

/** A function that the client runs itself. `parameters` is a JSON Schema that model APIs accept. */
export interface ClientTool {
  name: string;
  description: string;
  parameters: JsonObject;
}

/**
 * The choice of a client among the tools of a task. `required`: the first reply of the model has a call, of `tool` where it is
 * named. `allowed`: no other tools are offered or called.
 */
export interface ToolChoice {
  mode: 'none' | 'auto' | 'required';
  tool?: string;
  allowed?: string[];
}

/** The wishes of one task over the configuration of its session. They hold no address and no key, as they are stored in clear. */
export interface TaskSettings {
  /** Parameters of the model, over those of the session. */
  model?: Omit<ModelConfig, 'baseUrl' | 'apiKey'>;
  /** A stored agent that answers in the place of the session's own configuration. */
  agent?: string;
  /** Devices that the server knows, in the place of the session's own. */
  devices?: DeviceUse[];
  /** A system prompt in the place of the session's own. */
  systemPrompt?: string;
  /** Instructions after the system prompt. */
  instructions?: string;
  /** Whether the owner's memory is offered as tools. When missing: for a user message that is a line of its own. */
  memoryTools?: boolean;
  /** Writes are not sent: their results show what would have been sent. */
  dryRun?: boolean;
  /** The client repeats its whole request when the model fails before its first reply, so that the server does not ask it again. */
  clientRepeats?: boolean;
  /**
   * The lines of the task's input before its user message. Where they are given, a task that fails before the model's first reply takes
   * them and the user message out of the conversation.
   */
  input?: number[];
  /** Functions of the client, offered beside the session's tools. A call to one waits for `Session.answer`. */
  clientTools?: ClientTool[];
  toolChoice?: ToolChoice;
}

/** A device that the server knows, as a session uses it. */
export interface DeviceUse {
  name: string;
  /** The operations that the session wants, of those that the device offers. */
  include?: JsonObject;
  exclude?: JsonObject;
}

/** The configuration of a session (contract 1, `POST /init`). */
export interface SessionConfig {
  model: ModelConfig;
  systemPrompt: string;
  /** The entries of openSpecList, as the dialect has validated them. */
  documents: JsonObject[];
  /** Devices that the server knows. */
  devices?: DeviceUse[];
  /** Rules of the session beside those of its devices and of the server (contract 6, section 2). They can only make those stricter. */
  rules?: JsonObject;
  /** Whether no write of the session is sent: its result says what would have been sent. */
  dryRun?: boolean;
  /** Other sessions of the same owner, offered to the model as tools. */
  children: Child[];
  /** The title of the session's first document: its name as a child that gets no other. The registry sets it. */
  title?: string;
  taskStrategy: Strategy;
  toolStrategy: Strategy;
  /** How long the session may be idle. Every task and every message starts the time anew. */
  timeoutSeconds?: number;
  /** Whether clients get the thinking text of the model while it speaks. */
  reasoning?: boolean;
  /** Whether the owner's memory is offered as tools. */
  memoryTools: boolean;
  /**
   * The session carries calls that no model decides on: each message of it says its calls (`direct-model`). `safe_state`: they
   * bring a device into its safe state, so that neither rules nor an emergency stop hold them.
   */
  direct?: 'calls' | 'safe_state';
  /** The name of a stored agent. Every task uses the agent's configuration of that moment instead of this one. */
  agent?: string;
}

/**
 * The part of a configuration that a session keeps in memory. Documents may take megabytes, and only the opening of the tools
 * reads them: they stay in the store.
 */
export interface KeptConfig extends Omit<SessionConfig, 'documents'> {
  hasDocuments: boolean;
  /** Whether a device of the session says its document itself, which may have changed since the last task. */
  hasLiveDocuments: boolean;
}

/** A configuration without its documents. */
export function keptConfigOf({ documents, ...config }: SessionConfig): KeptConfig {
  return {
    ...config,
    hasDocuments: documents.length > 0,
    hasLiveDocuments: documents.some(({ openSpec }) => openSpec === undefined),
  };
}
