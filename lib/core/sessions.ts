import { systemClock, type Clock } from '../common/clock.ts';
import type { JsonObject } from '../common/json.ts';
import { AppError } from '../errors.ts';
import { childTools, completeChildren } from './children.ts';
import { freeCommand, type Command } from './command.ts';
import { configOfTask, equipsEachTask, type Equipment } from './equipment.ts';
import { LiveSession, type LiveSessionLimits, type LiveSessionOptions } from './live-session.ts';
import type { Message } from './message.ts';
import { keptSessionOf, readWholeConfig, withDocumentTexts } from './kept-session.ts';
import { unobserved, type Observer } from './observer.ts';
import { mayUse, type Principal } from './principal.ts';
import { keptConfigOf, type SessionConfig } from './session-config.ts';
import { checkSessionRoom, type SessionRoom } from './session-room.ts';
import type { Session } from './session.ts';
import type { ClaimedSession, Store, StoredSession } from './store.ts';
import type { Tool } from './tool.ts';
import { openUpkeep, type Upkeep, type UpkeepOptions } from './upkeep.ts';

/**
 * All sessions.
 *
 * Contract: rejects with an AppError only. `find` says `not_found` for an id that is unknown, expired or not the caller's.
 */
export interface Sessions {
  /**
   * Opens the documents, stores the session and its first line; nothing is left behind when it fails. An `id` of the
   * caller's own must be a UUID that no session has; a new one is made when it is missing.
   */
  create(config: SessionConfig, owner: Principal, attributes?: JsonObject, id?: string): Promise<string>;
  find(id: string, caller: Principal): Promise<Session>;
  /** Whether there is such a session, of any owner. */
  exists(id: string): Promise<boolean>;
  /** Stops and removes a session, and ends its subscribers with `removed`. The journal of its calls stays. */
  remove(id: string, caller: Principal): Promise<void>;
  /** Looks for answers to the questions of a session, wherever they came in. */
  wake(id: string): Promise<void>;
  /** Removes every session of an owner. */
  removeAll(owner: string): Promise<void>;
  /** Takes no more tasks, awaits calls that have left for `shutdownTimeoutMs`, ends all subscribers with `draining`. */
  close(): Promise<void>;
}

/** The limits of all sessions. */
export interface SessionsLimits extends LiveSessionLimits, SessionRoom {
  /** How many levels of sessions may use each other as tools. */
  childDepthMaxCount: number;
  /** How long `close` awaits calls that have left, in ms. */
  shutdownTimeoutMs: number;
}

/** The store of the sessions, and how their equipment is opened. */
export interface SessionsOptions extends Pick<UpkeepOptions, 'isMemoryShort'> {
  store: Store;
  /**
   * Opens the model and the documents of a configuration, with the tools that its children are. Rejects with an AppError
   * when a document cannot be used. `party`: the user who waits for it, and may be refused; missing for a task that was accepted.
   */
  equip(config: SessionConfig, children: readonly Tool[], owner: string, party?: string): Promise<Equipment>;
  limits: SessionsLimits;
  /** How long ended tasks, their lines and unused sessions are kept, in ms; for ever when missing. */
  retentionMs?: number | undefined;
  /** Decides about calls; every call may be sent when it is missing. */
  command?: Command;
  observer?: Observer;
  /** Receives errors that belong to no request. */
  onError(error: unknown, sessionId: string): void;
  clock?: Clock;
}

const REMOVED_AT_ONCE = 100;

/** All sessions over a store. When it resolves, this node works on every session with open tasks that no node worked on. */
export async function openSessions(options: SessionsOptions): Promise<Sessions> {
  const registry = new SessionRegistry(options);
  await registry.start();
  return registry;
}

/** The sessions in the memory of this node, by id. */
export class SessionRegistry implements Sessions {
  readonly #options: SessionsOptions;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #live = new Map<string, Promise<LiveSession | undefined>>();
  #upkeep: Upkeep | undefined;
  #isClosing = false;
  #closed: Promise<void> | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock ?? systemClock;
  }

  /** Begins to listen to other nodes, and takes up what no node works on. */
  async start(): Promise<void> {
    this.#store.subscribe((id) => void this.wake(id));
    this.#upkeep = await openUpkeep({ ...this.#options, clock: this.#clock, sessions: this });
  }

  async create(
    given: SessionConfig,
    owner: Principal,
    attributes?: JsonObject,
    id: string = this.#clock.newId(),
  ): Promise<string> {
    if (this.#isClosing)
      throw new AppError('unavailable', 'The server is going away.', { retryAfterSeconds: 1 });
    await checkSessionRoom(this.#store, owner, this.#options.limits);
    const config = await withDocumentTexts(given);
    const children = await completeChildren(config, owner, {
      load: (child) => this.load(child),
      depthMaxCount: this.#options.limits.childDepthMaxCount,
    });
    const equipment = config.agent
      ? undefined
      : await this.#equip({ ...config, children }, owner.id, owner.id);
    const isShared = !equipsEachTask(keptConfigOf(config));
    if (!isShared) equipment?.close(); // it was opened to see that it can be
    const now = this.#clock.now();
    const stored: StoredSession = {
      id,
      owner: owner.id,
      config: { ...config, children, ...(equipment?.title !== undefined && { title: equipment.title }) },
      createdAt: now,
      expiresAt: config.timeoutSeconds === undefined ? null : now + Math.ceil(config.timeoutSeconds * 1000),
      ...(attributes && { attributes }),
    };
    try {
      await this.#createStored(stored, isShared ? equipment : undefined);
    } catch (error) {
      if (isShared) equipment?.close();
      throw error;
    }
    return id;
  }

  async find(id: string, caller: Principal): Promise<LiveSession> {
    const session = await this.load(id);
    if (session && mayUse(caller, session.stored.owner) && (await session.touch())) return session;
    throw new AppError(
      'not_found',
      `There is no session "${id.slice(0, 100)}": it is unknown or has expired.`,
    );
  }

  async exists(id: string): Promise<boolean> {
    return (await this.load(id)) !== undefined;
  }

  async remove(id: string, caller: Principal): Promise<void> {
    await this.#remove(await this.find(id, caller));
  }

  async removeAll(owner: string): Promise<void> {
    for (;;) {
      const ids = await this.#store.findSessions(owner, REMOVED_AT_ONCE);
      if (ids.length === 0) return;
      for (const id of ids) {
        const session = await this.load(id);
        if (session) await this.#remove(session);
      }
    }
  }

  async wake(id: string): Promise<void> {
    try {
      (await this.#live.get(id))?.wake();
    } catch (error) {
      this.#options.onError(error, id);
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  /** The session in this node's memory, loaded from the store when it is not there; undefined when there is none. */
  load(id: string): Promise<LiveSession | undefined> {
    const known = this.#live.get(id);
    if (known) return known;
    const loading: Promise<LiveSession | undefined> = this.#store.findSession(id).then((stored) => {
      // A session may have been created under this id while the store was asked.
      const current = this.#live.get(id);
      if (current !== loading) return current;
      return stored && new LiveSession(this.#liveOptions(stored, stored.lastSeq));
    });
    this.#live.set(id, loading);
    const forget = (): void => {
      if (this.#live.get(id) === loading) this.#live.delete(id);
    };
    loading.then((session) => !session && forget(), forget);
    return loading;
  }

  /** The sessions in this node's memory. One that cannot be loaded is left out: the request for it reports that. */
  async loaded(): Promise<LiveSession[]> {
    const sessions = await Promise.all([...this.#live.values()].map((entry) => entry.catch(() => undefined)));
    return sessions.flatMap((session) => session ?? []);
  }

  /** Begins to work on a session that this node has just claimed. */
  async adopt(claimed: ClaimedSession): Promise<void> {
    const { id, session: stored, claim } = claimed;
    if (stored instanceof AppError) throw stored;
    const known = await this.#live.get(id)?.catch(() => undefined); // it could not be loaded before
    if (known) return known.adopt(claimed);
    const session = new LiveSession(this.#liveOptions(stored, claim.lastSeq));
    this.#live.set(id, Promise.resolve(session));
    return session.adopt(claimed);
  }

  /** Takes a session out of this node's memory. */
  forget(id: string): void {
    this.#live.delete(id);
  }

  /** Whoever looks for the session from its commit on finds this one: a second one would hear of no lines. */
  async #createStored(stored: StoredSession, equipment: Equipment | undefined): Promise<void> {
    const { id, createdAt: time } = stored;
    const { systemPrompt } = stored.config;
    const firstLine: Message = { type: 'session_started', systemPrompt, seq: 1, time };
    for (let known = this.#live.get(id); known; known = this.#live.get(id))
      if (await known.catch(() => undefined))
        throw new AppError('conflict', 'There is this session already.');
    const creating = this.#store.createSession(stored, firstLine).then(({ epoch }) => {
      const created = { claim: { epoch, lastSeq: 1, lastTime: time }, equipment, firstLine };
      return new LiveSession(this.#liveOptions(stored, 1), created);
    });
    const entry: Promise<LiveSession | undefined> = creating.catch(() => {
      if (this.#live.get(id) === entry) this.forget(id);
      return this.load(id); // another node may have created it
    });
    entry.catch(() => undefined); // the request that loads it reports the failure
    this.#live.set(id, entry);
    await creating;
  }

  #liveOptions(whole: StoredSession, lastSeq: number): LiveSessionOptions {
    const stored = keptSessionOf(whole);
    const { limits, onError, command = freeCommand, observer = unobserved } = this.#options;
    return {
      stored,
      lastSeq,
      store: this.#store,
      clock: this.#clock,
      limits,
      command,
      observer,
      equip: async (settings) =>
        this.#equip(configOfTask(await readWholeConfig(this.#store, stored), settings), stored.owner),
      onError: (error) => onError(error, stored.id),
      onGone: () => this.forget(stored.id),
    };
  }

  #equip(config: SessionConfig, ownerId: string, party?: string): Promise<Equipment> {
    const owner = { id: ownerId, kind: 'user' } as const;
    const find = (id: string, caller: Principal): Promise<Session> => this.find(id, caller);
    const children = childTools({ children: config.children, owner, find, clock: this.#clock });
    return this.#options.equip(config, children, ownerId, party);
  }

  async #remove(session: LiveSession): Promise<void> {
    await session.stop();
    await this.#store.removeSession(session.id, session.epoch);
    this.forget(session.id);
    await session.leave('removed');
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    const paused = this.#upkeep?.pause();
    await this.#leaveAll();
    await paused;
    await this.#leaveAll(); // a session that the upkeep took up meanwhile
    await this.#upkeep?.close();
  }

  async #leaveAll(): Promise<void> {
    const { limits, onError } = this.#options;
    const leaving = [...this.#live].map(async ([id, entry]) => {
      try {
        await (await entry)?.leave('draining', limits.shutdownTimeoutMs);
      } catch (error) {
        onError(error, id);
      }
    });
    await Promise.all(leaving);
  }
}
