import { openAccounts, type Accounts } from './accounts/accounts.ts';
import { accountsFromConfig } from './accounts/from-config.ts';
import { createWeChatSignIns } from './accounts/wechat-sign-ins.ts';
import { createWeChat } from './accounts/wechat.ts';
import { openAgents } from './agents/agents.ts';
import { createModelConfigs } from './agents/model-configs.ts';
import { createPresets } from './agents/presets.ts';
import { createChats } from './chats/chats.ts';
import { openReplies } from './chats/replies.ts';
import { openChatTasks } from './chats/tasks.ts';
import { OriginTurns } from './common/origin-turns.ts';
import type { Config } from './config.ts';
import { SessionRegistry } from './core/sessions.ts';
import type { Store } from './core/store.ts';
import { createLedger } from './credits/ledger.ts';
import { createRedeemCodes } from './credits/redeem-codes.ts';
import { keyFolderOf, openDataFolder } from './data-folder.ts';
import { CommandRoom } from './devices/command-room.ts';
import { devicesFromConfig } from './devices/from-config.ts';
import { openKeptSimulations } from './devices/kept-simulations.ts';
import { defaults } from './default-extensions.ts';
import type { Parts } from './dialects/dialect.ts';
import { describeMounts } from './dialects/docs/docs.ts';
import { connectAndLeave } from './drivers/connect.ts';
import { egressFetch } from './drivers/egress-fetch.ts';
import { egressOptionsOf } from './drivers/egress-options.ts';
import { openEgress, type Egress } from './drivers/egress.ts';
import { createDocumentChecks, createEquip } from './equip.ts';
import { messageOf } from './errors.ts';
import type { Extensions } from './extensions.ts';
import { openFileRoom } from './files/index.ts';
import { openObjectStore } from './files/open-object-store.ts';
import { createUrlSigner } from './files/url-signer.ts';
import type { Log } from './log.ts';
import { createStoredCompletions } from './memory/stored-completions.ts';
import { openMemory } from './memory/memory.ts';
import { openCompletions } from './models/completions.ts';
import { openModels } from './models/index.ts';
import { openPictures } from './models/pictures.ts';
import { openDocuments, type Documents } from './openspecs.ts';
import { openObservation, type Observation } from './observation.ts';
import { packageVersion } from './package.ts';
import { joinRemovals } from './removals.ts';
import { openServer, type OpenServer } from './server/server.ts';
import { connectDatabase, type Database } from './store/database.ts';
import { openStoreOn } from './store/index.ts';
import { createOverview } from './store/overview.ts';
import { createVault } from './store/vault.ts';
import { limitTurns } from './turn-limits.ts';

/** A running server. */
export interface App {
  /** `http://<host>:<port>`, without a path. */
  readonly url: string;
  /** Reads the files of devices and rules again. Never rejects. */
  reload(): Promise<void>;
  /**
   * Takes no more work, awaits calls that have left, ends sockets with 1012, and closes everything. It takes the shutdown
   * time-out at most.
   */
  close(): Promise<void>;
}

/** The tables of a server, and how its store is opened. */
export interface AppOptions extends Partial<Extensions> {
  /** Opens the store on its database; a spec may stand between. */
  openStore?: typeof openStoreOn;
}

/**
 * Puts the parts of a server together and listens: the only place that knows them all. Rejects with an AppError, and leaves
 * nothing open then.
 */
export async function openApp(config: Config, log: Log, options: AppOptions = {}): Promise<App> {
  const app = new Composition(config, log, options);
  try {
    return await app.open();
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** The store, the database, and everything else that other parts stand on. */
interface Basis {
  database: Database;
  store: Store;
  secret: string;
  egress: Egress;
  /** `fetch` through egress. */
  fetch: typeof globalThis.fetch;
  observation: Observation;
}

class Composition {
  readonly #config: Config;
  readonly #log: Log;
  readonly #extensions: Extensions;
  readonly #openStore: typeof openStoreOn;
  /** What closes the parts that are open, in the order in which they were opened. */
  readonly #closers: (() => Promise<unknown> | void)[] = [];

  constructor(config: Config, log: Log, { openStore = openStoreOn, ...tables }: AppOptions) {
    this.#config = config;
    this.#log = log;
    this.#extensions = { ...defaults, ...tables };
    this.#openStore = openStore;
  }

  /**
   * The server listens, and takes the database, before it claims a session: when another server has the address or the
   * database, its sessions stay untouched.
   */
  async open(): Promise<App> {
    const basis = await this.#openBasis();
    const accounts = await this.#openAccounts(basis);
    const { parts, startWork } = await this.#openParts(basis, accounts);
    const server = await this.#listen(parts, basis);
    await this.#lockDatabase(basis.database);
    await startWork();
    return { url: server.url, reload: () => parts.devices.reload(), close: () => this.close() };
  }

  /** Closes the parts, the last one first. A part that fails does not keep the others open. */
  async close(): Promise<void> {
    for (const closePart of this.#closers.splice(0).toReversed()) {
      try {
        await closePart();
      } catch (error) {
        this.#log.error({ err: error }, 'a part of the server could not be closed');
      }
    }
  }

  /** Notes how a part is closed, and returns it. */
  #closing<Part extends { close(): Promise<unknown> | void }>(part: Part): Part {
    this.#closers.push(() => part.close());
    return part;
  }

  readonly #onError = (error: unknown, session?: string): void =>
    this.#log.error({ err: error, ...(session && { session }) }, messageOf(error));

  async #openBasis(): Promise<Basis> {
    const { databaseUrl, sqliteSynchronous: synchronous } = this.#config;
    const onError = this.#onError;
    const { engines } = this.#extensions;
    const observation = this.#closing(await openObservation(this.#config));
    const secret = openDataFolder(this.#config, this.#log);
    const database = this.#closing(await connectDatabase({ databaseUrl, synchronous, engines, onError }));
    const { onCommit, outgoing: headers } = observation;
    const store = this.#closing(await this.#openStore(database, { secret, onError, onCommit }));
    const egress = this.#closing(openEgress({ ...egressOptionsOf(this.#config, this.#log), headers }));
    return { database, store, secret, egress, fetch: egressFetch(egress), observation };
  }

  async #lockDatabase({ engine, url }: Database): Promise<void> {
    const lock = await engine.openServerLock(url);
    if (lock) this.#closers.unshift(() => lock.close()); // the last thing to be closed
  }

  async #openAccounts({ database, fetch }: Basis): Promise<Accounts> {
    const { auth, authToken } = this.#config;
    const accounts = this.#closing(
      openAccounts({ ...accountsFromConfig(this.#config, this.#log, fetch), db: database.tables() }),
    );
    if (auth === 'required' && authToken === undefined && (await accounts.users.count()) === 0)
      this.#log.warn(
        {},
        'nobody can call yet: make a user with `lite-agent user add NAME --role admin`, or set AUTH_TOKEN',
      );
    return accounts;
  }

  /** Opens the parts that dialects use. `startWork` takes up work that other processes have left. */
  async #openParts(
    basis: Basis,
    accounts: Accounts,
  ): Promise<{ parts: Parts; startWork: () => Promise<void> }> {
    const [config, log, { store, fetch }] = [this.#config, this.#log, basis];
    const { limits, auditDays } = config;
    limitTurns(limits);
    const endpoint = { fetch, turns: new OriginTurns(), timeoutMs: limits.modelTimeoutMs };
    const models = openModels({ ...endpoint, defaults: config.model, providers: this.#extensions.models });
    const stored = this.#openStoredParts(basis, accounts, models);
    const { openspecs } = this.#openDocuments(basis.egress);
    const devices = devicesFromConfig(config, {
      db: basis.database.tables(),
      vault: stored.vault,
      openspecs,
      log,
      connect: (address, signal) => connectAndLeave(basis.egress, address, signal),
      users: accounts.users,
    });
    await devices.loadRules();
    const roomParts = { database: basis.database, store, devices, auditDays, onError: this.#onError };
    const room = this.#closing(new CommandRoom({ ...roomParts, keyFolder: keyFolderOf(config) }));
    const sessions = this.#closing(
      new SessionRegistry({
        store,
        limits,
        retentionMs: config.retentionDays && config.retentionDays * 24 * 3_600_000,
        onError: this.#onError,
        command: room.command,
        observer: basis.observation.tasks,
        equip: createEquip({ ...stored, models, openspecs, devices, limits, log }),
      }),
    );
    const parts: Parts = {
      ...stored,
      ...room.serve(sessions),
      accounts,
      access: accounts.access,
      config,
      log,
      models,
      devices,
      sessions,
      ...createDocumentChecks({ models, openspecs, devices, limits }),
      completions: openCompletions({ ...endpoint, endpoint: config.model }),
      pictures: openPictures({ ...endpoint, defaults: config.model }),
      metrics: basis.observation.metrics,
      overview: createOverview(basis.database.tables()),
      version: packageVersion(),
    };
    joinRemovals(parts);
    return {
      parts,
      async startWork() {
        await Promise.all([devices.loadFolder(), !config.reachable && stored.simulations.resume(devices)]);
        await sessions.start();
        await room.start();
        await stored.tasks.takeUp();
      },
    };
  }

  #openDocuments(egress: Egress): Documents {
    const { limits } = this.#config;
    const { kinds, drivers } = this.#extensions;
    const { toolResultMaxBytes: resultMaxBytes, initMaxBytes: documentMaxBytes } = limits;
    return this.#closing(openDocuments({ egress, kinds, drivers, resultMaxBytes, documentMaxBytes }));
  }

  /** The parts that keep their data in the database or in the object store. */
  #openStoredParts(
    { database, store, secret, fetch }: Basis,
    { signIns, identities }: Accounts,
    models: Parts['models'],
  ) {
    const [{ limits, wechat }, onError] = [this.#config, this.#onError];
    const db = database.tables;
    const vault = createVault(secret);
    const signer = createUrlSigner(secret);
    const objects = this.#closing(openObjectStore(this.#config, { db: db(), signer }));
    const ledger = createLedger(db());
    const chats = createChats(db(), limits.recordsPerOwnerMaxCount);
    const openModel: (typeof models)['open'] = (asked) => models.open(asked);
    return {
      tasks: this.#closing(openChatTasks({ db: db(), ledger, alone: !database.shared, onError })),
      vault,
      agents: this.#closing(openAgents({ db: db(), vault, store, openModel, limits, onError })),
      signer,
      objects,
      files: this.#closing(openFileRoom({ db: db(), objects, fetch, limits, onError })),
      memory: openMemory({ db: db() }),
      storedCompletions: createStoredCompletions(db(), limits.completionsPerOwnerMaxCount),
      chats,
      replies: this.#closing(openReplies(chats)),
      ledger,
      simulations: this.#closing(openKeptSimulations(db(), this.#extensions.kinds, onError)),
      modelConfigs: createModelConfigs(db(), vault),
      presets: createPresets(db(), limits.recordsPerOwnerMaxCount),
      redeemCodes: createRedeemCodes(db(), ledger, secret),
      wechat: createWeChatSignIns({
        db: db(),
        vault,
        wechat: wechat && createWeChat({ ...wechat, fetch }),
        identities,
        signIns,
      }),
    };
  }

  /** Listens with what the dialects mount. Closing refuses new work first, then ends the work that runs, then the sockets. */
  async #listen(parts: Parts, { store, observation: { traffic } }: Basis): Promise<OpenServer> {
    const { config, log, version, sessions, agents, replies, tasks } = parts;
    const { access, firstRequests } = parts.accounts;
    const mounted = this.#extensions.dialects.map((dialect) => dialect.mount(parts));
    const mounts = [...mounted, describeMounts(mounted, version)];
    const ready = () => store.ping();
    const server = await openServer({ config, mounts, access, firstRequests, log, ready, traffic });
    this.#closers.push(
      () => server.close(),
      () => Promise.all([sessions.close(), agents.close(), replies.close(), tasks.close()]),
      () => server.drain(),
    );
    return server;
  }
}
