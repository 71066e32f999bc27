import type { Access } from '../accounts/access.ts';
import type { Agents } from '../agents/agents.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { ModelConfigs } from '../agents/model-configs.ts';
import type { Chats } from '../chats/chats.ts';
import type { Presets } from '../agents/presets.ts';
import type { WeChatSignIns } from '../accounts/wechat-sign-ins.ts';
import type { Ledger } from '../credits/ledger.ts';
import type { RedeemCodes } from '../credits/redeem-codes.ts';
import type { Pictures } from '../models/pictures.ts';
import type { Replies } from '../chats/replies.ts';
import type { ChatTasks } from '../chats/tasks.ts';
import type { Config } from '../config.ts';
import type { FileRoom } from '../files/index.ts';
import type { CompletionNotes } from '../memory/completion-notes.ts';
import type { Memory } from '../memory/memory.ts';
import type { Completions } from '../models/completions.ts';
import type { Sessions } from '../core/sessions.ts';
import type { ObjectStore } from '../files/object-store.ts';
import type { UrlSigner } from '../files/url-signer.ts';
import type { Log } from '../log.ts';
import type { Models } from '../models/index.ts';
import type { Mount } from '../server/mount.ts';

/** What a dialect of sessions needs. */
export interface CoreContext {
  sessions: Sessions;
  access: Access;
  config: Pick<Config, 'auth' | 'limits'>;
  /** The package's version. */
  version: string;
  log: Log;
}

/** What every dialect may use. */
export interface DialectContext extends CoreContext {
  config: Config;
  agents: Agents;
  files: FileRoom;
  memory: Memory;
  completions: Completions;
  completionNotes: CompletionNotes;
  accounts: Accounts;
  models: Models;
  modelConfigs: ModelConfigs;
  chats: Chats;
  replies: Replies;
  presets: Presets;
  tasks: ChatTasks;
  ledger: Ledger;
  redeemCodes: RedeemCodes;
  wechat: WeChatSignIns;
  pictures: Pictures;
  /** Where bytes lie; `signer` knows the URLs of it that lead here. */
  objects: ObjectStore;
  signer: UrlSigner;
}

/**
 * One wire shape over the core: a folder here and a line in index.ts.
 *
 * Contract: a dialect translates and keeps nothing; what it says about a session comes from the session's log.
 */
export interface Dialect {
  readonly name: string;
  mount(context: DialectContext): Mount;
}
