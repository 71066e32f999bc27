import { v4 as uuid } from 'uuid';
import { AppError } from '../errors.ts';
import { childTools } from './children.ts';
import type { JsonObject } from '../common/json.ts';
import { openLiveSession } from './live-session.ts';
import type { LiveLimits, LiveSession, Owned } from './live-session.ts';
import type { Equipment } from './equipment.ts';
import type { Message } from './message.ts';
import { mayUse } from './principal.ts';
import type { Principal } from './principal.ts';
import type { Session } from './session.ts';
import type { SessionConfig } from './session-config.ts';
import type { Store, StoredSession } from './store.ts';
import type { Tool } from './tool.ts';
import { openUpkeep } from './upkeep.ts';

/**
 * All sessions.
 *
 * Contract: rejects with an AppError only. `find` says `not_found` for an id that is unknown, expired or not the caller's.
 */
export interface Sessions {
  /**
   * Opens the documents, stores the session and its first line; nothing is left behind when it fails. An `id` of the caller's
   * own must be a uuid that no session has; the id is made here when missing.
   */
  create(config: SessionConfig, owner: Principal, attributes?: JsonObject, id?: string): Promise<string>;
  find(id: string, caller: Principal): Promise<Session>;
  /** Whether there is such a session, whoever it belongs to. */
  exists(id: string): Promise<boolean>;
  /** Stops a session and takes it away; what was done to devices stays in the journal. Ends its followers with `removed`. */
  remove(id: string, caller: Principal): Promise<void>;
  /** Takes no more tasks, lets calls on the wire finish (at most `shutdownTimeoutMs`), ends all followers with `draining`. */
  close(): Promise<void>;
}

export interface SessionsLimits extends LiveLimits {
  sessionsPerOwnerMaxCount: number;
  /** How deep sessions may use others as tools. */
  childDepthMaxCount: number;
  /** How long `close` waits for calls on the wire. */
  shutdownTimeoutMs: number;
}

export interface SessionsOptions {
  store: Store;
  /** Opens model and documents of a configuration, with the tools that its children are; an AppError when a document cannot be used. */
  equip(config: SessionConfig, children: readonly Tool[], owner: string): Promise<Equipment>;
  limits: SessionsLimits;
  /** How long ended tasks, their lines and journal are kept, and sessions that nobody touches; for ever when missing. */
  retentionMs?: number | undefined;
  /** Hears of failures that no caller can be told. */
  onError(error: unknown, sessionId: string): void;
}

/** All sessions over a store; those with unfinished tasks that no node works on go on at once. */
export async function openSessions(options: SessionsOptions): Promise<Sessions> {
  const { store, equip, limits, retentionMs, onError } = options;
  const live = new Map<string, Promise<LiveSession | undefined>>();
  let closing = false;

  function open(stored: StoredSession, lastSeq: number, owned?: Owned): LiveSession {
    const around = {
      store,
      limits,
      equip: () => equip(stored.config, toolsOf(stored.config, stored.owner), stored.owner),
      onError: (error: unknown) => onError(error, stored.id),
    };
    return openLiveSession(stored, lastSeq, around, owned);
  }

  function load(id: string): Promise<LiveSession | undefined> {
    let entry = live.get(id);
    if (!entry) {
      const loading: Promise<LiveSession | undefined> = store.findSession(id).then((stored) => {
        const made = live.get(id); // under an id of the caller, while it was looked for
        return made === loading ? stored && open(stored, stored.lastSeq) : made;
      });
      const forget = (): unknown => live.get(id) === loading && live.delete(id);
      live.set(id, (entry = loading));
      loading.then((session) => !session && forget(), forget);
    }
    return entry;
  }

  async function find(id: string, caller: Principal): Promise<LiveSession> {
    const session = await load(id);
    if (!session || !mayUse(caller, session.stored.owner) || !(await session.touch()))
      throw new AppError(
        'not_found',
        `There is no session "${id.slice(0, 100)}": it is unknown or has expired.`,
      );
    return session;
  }

  function toolsOf(config: SessionConfig, owner: string): Tool[] {
    return childTools(config.children, { id: owner, kind: 'user' }, find);
  }

  /** How many sessions stand below one; an unknown child, or too many levels, is an error. A cycle cannot be made: children are older. */
  async function checkChildren(config: SessionConfig, owner: Principal, level: number): Promise<void> {
    for (const [index, { id }] of config.children.entries()) {
      const pointer = `/sessionList/${index}/id`;
      if (level > limits.childDepthMaxCount) {
        const detail = `is more than ${limits.childDepthMaxCount} levels deep (CHILD_DEPTH_MAX_COUNT)`;
        throw new AppError('invalid_request', `The sessions of sessionList stand too deep.`, {
          faults: [{ pointer, detail }],
        });
      }
      const child = await load(id);
      if (!child || !mayUse(owner, child.stored.owner)) {
        const detail = `there is no session "${id.slice(0, 100)}"`;
        throw new AppError('invalid_request', `sessionList names a session that is unknown.`, {
          faults: [{ pointer, detail }],
        });
      }
      await checkChildren(child.stored.config, owner, level + 1);
    }
  }

  async function create(
    config: SessionConfig,
    owner: Principal,
    attributes?: JsonObject,
    id: string = uuid(),
  ): Promise<string> {
    if (closing) throw new AppError('unavailable', 'The server is going away.', { retryAfterSeconds: 1 });
    if ((await store.countSessions(owner.id)) >= limits.sessionsPerOwnerMaxCount) {
      const text = `${limits.sessionsPerOwnerMaxCount} sessions are open already (SESSIONS_PER_OWNER_MAX_COUNT).`;
      throw new AppError('too_many_requests', text, { retryAfterSeconds: 60 });
    }
    await checkChildren(config, owner, 1);
    const equipment =
      config.agent === undefined ? await equip(config, toolsOf(config, owner.id), owner.id) : undefined;
    const now = Date.now();
    const expiresAt =
      config.timeoutSeconds === undefined ? null : now + Math.ceil(config.timeoutSeconds * 1000);
    const stored: StoredSession = {
      id,
      owner: owner.id,
      config,
      createdAt: now,
      expiresAt,
      ...(attributes && { attributes }),
    };
    const first: Message = { type: 'session_started', systemPrompt: config.systemPrompt, seq: 1, time: now };
    try {
      const { epoch } = await store.createSession(stored, first);
      const standing = { epoch, lastSeq: 1, lastTime: now };
      live.set(id, Promise.resolve(open(stored, 1, { standing, equipment, first })));
    } catch (error) {
      equipment?.close();
      throw error;
    }
    return id;
  }

  async function remove(id: string, caller: Principal): Promise<void> {
    const session = await find(id, caller);
    await session.stop();
    await store.removeSession(id, session.loop?.epoch);
    live.delete(id);
    await session.leave('removed');
  }

  store.subscribe((id) => {
    live
      .get(id)
      ?.then((session) => session?.wake())
      .catch((error: unknown) => onError(error, id));
  });
  const upkeep = await openUpkeep({ store, live, load, retentionMs, onError });
  let closed: Promise<void> | undefined;

  return {
    create,
    find,
    exists: async (id) => (await load(id)) !== undefined,
    remove,
    close() {
      return (closed ??= close());
    },
  };

  async function close(): Promise<void> {
    closing = true;
    const rested = upkeep.rest();
    await leaveAll();
    await rested;
    await leaveAll(); // what was taken up meanwhile
    await upkeep.close();
  }

  async function leaveAll(): Promise<void> {
    const leaving = [...live].map(async ([id, entry]) => {
      try {
        await (await entry)?.leave('draining', limits.shutdownTimeoutMs);
      } catch (error) {
        onError(error, id);
      }
    });
    await Promise.all(leaving);
  }
}
