import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openAccounts } from './accounts/accounts.ts';
import { accountsFromConfig } from './accounts/from-config.ts';
import { framingOf, openAgents } from './agents/agents.ts';
import { createModelConfigs } from './agents/model-configs.ts';
import { createPresets } from './agents/presets.ts';
import { createWeChat } from './accounts/wechat.ts';
import { createWeChatSignIns } from './accounts/wechat-sign-ins.ts';
import { createChats } from './chats/chats.ts';
import { openReplies } from './chats/replies.ts';
import { openChatTasks } from './chats/tasks.ts';
import { createLedger } from './credits/ledger.ts';
import { createRedeemCodes } from './credits/redeem-codes.ts';
import { openPictures } from './models/pictures.ts';
import type { Config } from './config.ts';
import type { JsonObject } from './common/json.ts';
import type { Equipment } from './core/equipment.ts';
import type { Tool } from './core/tool.ts';
import { openSessions } from './core/sessions.ts';
import type { SessionConfig } from './core/session-config.ts';
import { createToolbox } from './core/toolbox.ts';
import type { ToolboxOptions } from './core/toolbox.ts';
import type { Parts } from './dialects/dialect.ts';
import { describeMounts } from './dialects/docs/docs.ts';
import { dialects } from './dialects/index.ts';
import { openDocuments } from './openspecs.ts';
import { egressFetch } from './drivers/egress-fetch.ts';
import { openEgress } from './drivers/egress.ts';
import { openDiskStore } from './files/disk-store.ts';
import { openFileRoom } from './files/index.ts';
import { openS3Store } from './files/s3-store.ts';
import { createUrlSigner } from './files/url-signer.ts';
import { showFiles } from './files/show-files.ts';
import { memoryTools } from './memory/memory-tools.ts';
import { createCompletionNotes } from './memory/completion-notes.ts';
import { openMemory } from './memory/memory.ts';
import { messageOf, SpecError } from './errors.ts';
import type { Log } from './log.ts';
import { openCompletions } from './models/completions.ts';
import { openModels } from './models/index.ts';
import type { DocumentEntry, LoadedSpec, Openspecs } from './openspec/openspecs.ts';
import { createToolSelector } from './openspec/tool-selector.ts';
import { packageVersion } from './package.ts';
import { knowLastingSecrets } from './secrets.ts';
import { openServer } from './server/server.ts';
import { connectDatabase } from './store/database.ts';
import { openStoreOn } from './store/index.ts';
import { createVault } from './store/vault.ts';

const DAY_MS = 86_400_000;

/** A running server. */
export interface App {
  /** `http://<host>:<port>`, without a path. */
  readonly url: string;
  /** Takes no more work, lets calls on the wire finish, ends sockets with 1012, closes everything; at most the shutdown time-out. */
  close(): Promise<void>;
}

/**
 * Puts the parts together: the only place that knows them all. Rejects with an AppError, and leaves nothing open then.
 * `connect` opens the store; a spec may stand between.
 */
export async function openApp(config: Config, log: Log, connect = openStoreOn): Promise<App> {
  const undo: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) {
      try {
        await step();
      } catch (error) {
        log.error({ err: error }, 'something could not be closed');
      }
    }
  };
  try {
    const { limits } = config;
    const onError = (error: unknown, session?: string): void =>
      log.error({ err: error, ...(session && { session }) }, messageOf(error));
    const { databaseUrl, sqliteSynchronous: synchronous } = config;
    const database = await connectDatabase({ databaseUrl, synchronous, onError });
    undo.push(() => database.close());
    const secret = secretOf(config);
    knowLastingSecrets([secret]);
    const store = await connect(database, { secret, onError });
    undo.push(() => store.close());
    const egress = openEgress({
      allow: config.egressAllow,
      deny: config.egressDeny,
      allowPrivate: config.loopback,
      serialAllow: config.serialAllow,
    });
    undo.push(() => egress.close());
    const fetchOut = egressFetch(egress);
    const accounts = openAccounts({
      ...accountsFromConfig(config, log, fetchOut),
      db: database.tables(),
    });
    undo.push(() => accounts.close());
    if (config.auth === 'required' && config.authToken === undefined && (await accounts.users.count()) === 0)
      log.warn(
        {},
        'nobody can call yet: make a user with `lite-agent user add NAME --role admin`, or set AUTH_TOKEN',
      );
    const devices = openDocuments({
      egress,
      resultMaxBytes: limits.toolResultMaxBytes,
      documentMaxBytes: limits.initMaxBytes,
    });
    undo.push(() => devices.close());
    const models = openModels({
      fetch: fetchOut,
      defaults: config.model,
      timeoutMs: limits.modelTimeoutMs,
    });
    const completions = openCompletions({
      fetch: fetchOut,
      endpoint: config.model,
      timeoutMs: limits.modelTimeoutMs,
    });
    const tooling: ToolboxOptions = {
      resultMaxBytes: limits.toolResultMaxBytes,
      chooser: (offers) =>
        createToolSelector(offers, {
          maxCount: limits.offeredToolsMaxCount,
          maxBytes: limits.offeredToolsMaxBytes,
        }),
      onLeftOut: (count, leftOut) =>
        log.debug(
          { leftOut: leftOut.slice(0, 50) },
          `${leftOut.length} of ${count} tools were not offered to the model`,
        ),
    };
    const agents = openAgents({
      db: database.tables(),
      vault: createVault(secret),
      store,
      openModel: (asked) => models.open(asked),
      onError,
    });
    undo.push(() => agents.close());
    const signer = createUrlSigner(secret);
    const objects = config.s3 ? openS3Store(config.s3) : openDiskStore(join(config.dataDir, 'files'), signer);
    undo.push(() => objects.close());
    const files = openFileRoom({
      db: database.tables(),
      objects,
      limits,
      onError,
    });
    undo.push(() => files.close());
    const memory = openMemory({ db: database.tables() });
    const ownMemory = memoryTools(memory);
    const sessions = await openSessions({
      store,
      limits,
      retentionMs: config.retentionDays && config.retentionDays * DAY_MS,
      onError,
      async equip(session: SessionConfig, children: readonly Tool[], owner: string): Promise<Equipment> {
        const agent = session.agent === undefined ? undefined : await agents.open(session.agent);
        const model = showFiles(models.open(agent ? agent.config.model : session.model), files.files);
        const entries = agent ? (agent.config.documents ?? []) : session.documents;
        const documents = await loadDocuments(devices.openspecs, entries);
        const sources = documents.map(({ spec, connection }) => ({
          tools: spec.tools as readonly Tool[],
          connection,
        }));
        if (children.length > 0) sources.push({ tools: children, connection: {} });
        const withMemory = [...sources, { tools: ownMemory, connection: { owner } }];
        return {
          model,
          toolbox: createToolbox(session.memoryTools ? withMemory : sources, tooling),
          // A user's messages are answered by an agent that knows the user.
          ...(isUser(owner) && { messageToolbox: () => createToolbox(withMemory, tooling) }),
          ...(agent && { framing: framingOf(agent) }),
          ...(agent?.config.toolStrategy && { toolStrategy: agent.config.toolStrategy }),
          close: () => documents.forEach((document) => document.release()),
        };
      },
    });
    undo.push(() => sessions.close());
    const { access } = accounts;
    const completionNotes = createCompletionNotes(database.tables());
    const chats = createChats(database.tables());
    const replies = openReplies(chats);
    const ledger = createLedger(database.tables());
    const alone = !database.shared;
    const tasks = await openChatTasks({ db: database.tables(), ledger, alone, onError });
    const endReplies = () => Promise.all([replies.close(), tasks.close()]);
    undo.push(() => endReplies().then(() => undefined));
    const vault = createVault(secret);
    const { signIns, identities } = accounts;
    const wechat = config.wechat && createWeChat({ ...config.wechat, fetch: fetchOut });
    const led = {
      modelConfigs: createModelConfigs(database.tables(), vault),
      presets: createPresets(database.tables()),
      redeemCodes: createRedeemCodes(database.tables(), ledger, secret),
      wechat: createWeChatSignIns({ db: database.tables(), vault, wechat, identities, signIns }),
      pictures: openPictures({
        fetch: fetchOut,
        timeoutMs: limits.modelTimeoutMs,
        defaults: config.model,
      }),
    };
    const shared = { sessions, agents, files, memory, completions, completionNotes, access, config, log };
    const said = { accounts, models, chats, replies, tasks, ledger, objects, signer, ...led };
    accounts.joinRemovals([
      (user) => sessions.removeAll(user),
      (user) => tasks.removeOwner(user),
      (user) => chats.removeOwner(user),
      (user) => agents.apps.removeOwner(user),
      (user) => led.presets.removeOwner(user),
      (user) => led.modelConfigs.removeOwner(user),
      (user) => files.removeOwner(user),
      (user) => memory.removeOwner(user),
      (user) => completionNotes.removeOwner(user),
      (user) => ledger.removeOwner(user),
      (user) => led.redeemCodes.forgetOwner(user),
    ]);
    const parts: Parts = { ...shared, ...said, version: packageVersion() };
    const spoken = dialects.map((dialect) => dialect.mount(parts));
    const mounts = [...spoken, describeMounts(spoken, parts.version)];
    const server = await openServer({ config, mounts, access, log, ready: () => store.ping() });
    // First nothing new is taken, then what runs is told to its end, then the sockets close.
    undo.push(() => server.close());
    undo.push(() => Promise.all([sessions.close(), agents.close(), endReplies()]).then(() => undefined));
    undo.push(() => server.drain());
    return { url: server.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function isUser(owner: string): boolean {
  return owner !== 'anonymous' && owner !== 'operator';
}

/** Opens every document or none; a document that cannot be used, or gives no tool, fails all and is named by its place. */
async function loadDocuments(openspecs: Openspecs, entries: readonly JsonObject[]): Promise<LoadedSpec[]> {
  const opened: LoadedSpec[] = [];
  try {
    for (const [index, entry] of entries.entries()) {
      const pointer = `/openSpecList/${index}`;
      try {
        const document = await openspecs.load(entry as unknown as DocumentEntry);
        opened.push(document);
        if (document.spec.tools.length === 0)
          throw new SpecError(
            'It has no operation that can be called.',
            document.spec.skipped.map(({ operation, reason }) => ({
              pointer,
              detail: `${operation}: ${reason}`,
            })),
          );
      } catch (error) {
        if (!(error instanceof SpecError)) throw error;
        const faults = error.faults.map((fault) => ({
          pointer: `${pointer}/openSpec${fault.pointer}`,
          detail: fault.detail,
        }));
        throw new SpecError(
          `The document at ${pointer} cannot be used: ${error.message}`,
          faults.length > 0 ? faults : [{ pointer, detail: error.message }],
          error,
        );
      }
    }
    return opened;
  } catch (error) {
    for (const document of opened) document.release();
    throw error;
  }
}

/** SECRET_KEY, or a key that is made at the first start and kept in the data folder, readable by the owner only. */
function secretOf({ secretKey, dataDir, databaseUrl }: Config): string {
  if (secretKey !== undefined) return secretKey;
  if (databaseUrl === 'sqlite::memory:') return randomBytes(32).toString('base64');
  const file = join(dataDir, 'secret.key');
  mkdirSync(dataDir, { recursive: true });
  try {
    writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8').trim();
}
