import type { Access } from '../accounts/access.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { WeChatSignIns } from '../accounts/wechat-sign-ins.ts';
import type { AgentConfig } from '../agents/agent-config.ts';
import type { Agents } from '../agents/agents.ts';
import type { ModelConfigs } from '../agents/model-configs.ts';
import type { Presets } from '../agents/presets.ts';
import type { Chats } from '../chats/chats.ts';
import type { Replies } from '../chats/replies.ts';
import type { ChatTasks } from '../chats/tasks.ts';
import type { JsonObject } from '../common/json.ts';
import type { Config } from '../config.ts';
import type { Sessions } from '../core/sessions.ts';
import type { Ledger } from '../credits/ledger.ts';
import type { RedeemCodes } from '../credits/redeem-codes.ts';
import type { FileRoom } from '../files/index.ts';
import type { ObjectStore } from '../files/object-store.ts';
import type { UrlSigner } from '../files/url-signer.ts';
import type { CommandParts } from '../devices/command-room.ts';
import type { Devices } from '../devices/devices.ts';
import type { Log } from '../log.ts';
import type { Memory } from '../memory/memory.ts';
import type { StoredCompletions } from '../memory/stored-completions.ts';
import type { Completions } from '../models/completions.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Models } from '../models/index.ts';
import type { Pictures } from '../models/pictures.ts';
import type { Simulations } from '../openspec/simulations.ts';
import type { Overview } from '../store/overview.ts';
import type { Mount } from '../server/mount.ts';

/** Everything that the composition root has to offer. A dialect takes only the parts that it names. */
export interface Parts extends CommandParts {
  config: Config;
  log: Log;
  /** The package's version. */
  version: string;

  /** Conversations with agents, and the log of each. */
  sessions: Sessions;
  /** Agents that users configure. */
  agents: Agents;
  /** Rejects with the error that a session of this owner with this agent would give. */
  checkAgent(config: AgentConfig, owner: string): Promise<void>;
  /** The odd things about documents that a session of this user brings, in plain words. */
  entryWarnings(documents: readonly JsonObject[], party: string): Promise<string[]>;
  /** Devices that the server knows. */
  devices: Devices;
  /** Language models by their configuration. */
  models: Models;
  /** The endpoint of the settings, for requests that are chat completions already. */
  completions: Completions;
  /** Chat completions that clients want to find again, and metadata of others. */
  storedCompletions: StoredCompletions;
  /** Models that draw. */
  pictures: Pictures;
  /** Simulated devices for people who try a document out. */
  simulations: Simulations;
  /** Lists of sessions and nodes, for people. */
  overview: Overview;
  /** The metrics of this node; undefined where METRICS is `off`. */
  metrics: Metrics | undefined;
  /** The notes of agents about users. */
  memory: Memory;

  /** Checks tokens and tickets, and returns principals. */
  access: Access;
  /** Users, and how they sign in. */
  accounts: Accounts;
  /** Sign-ins of WeChat users. */
  wechat: WeChatSignIns;

  /** Files and uploads of users. */
  files: FileRoom;
  /** Bytes by key; `signer` makes and checks the URLs that lead to them. */
  objects: ObjectStore;
  signer: UrlSigner;

  /** Conversations that their clients lead. */
  chats: Chats;
  /** Replies of models in chats, while they are made. */
  replies: Replies;
  /** Scenes for chats. */
  presets: Presets;
  /** Model configurations that users keep. */
  modelConfigs: ModelConfigs;
  /** Work that models do for chats. */
  tasks: ChatTasks;
  /** Credits of users, and the codes that give credits. */
  ledger: Ledger;
  redeemCodes: RedeemCodes;
}

/**
 * One wire shape over the core: a folder here, and a line in index.ts. `Needs` are the names of the parts that it takes,
 * e.g. `Dialect<'sessions' | 'access'>`.
 *
 * Contract: a dialect translates, and keeps no state. All that it says about a session comes from the session's log.
 */
export interface Dialect<Needs extends keyof Parts> {
  /** Names the dialect in logs, in the audit and in the served description. */
  readonly name: string;
  mount(parts: Pick<Parts, Needs>): Mount;
}
