import { v4 as uuid } from 'uuid';
import { AppError } from '../errors.ts';
import type { JsonObject } from './json.ts';
import { openLiveSession } from './live-session.ts';
import type { Equipment, LiveLimits, LiveSession } from './live-session.ts';
import type { Message } from './message.ts';
import type { ModelConfig } from './model.ts';
import { mayUse } from './policy.ts';
import type { Principal } from './principal.ts';
import type { Session } from './session.ts';
import type { Standing, Store, StoredSession } from './store.ts';

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
}

/**
 * All sessions.
 *
 * Contract: rejects with an AppError only. `find` says `not_found` for an id that is unknown, expired or not the caller's.
 */
export interface Sessions {
  /** Opens the documents, stores the session and its first line; nothing is left behind when it fails. */
  create(config: SessionConfig, owner: Principal): Promise<string>;
  find(id: string, caller: Principal): Promise<Session>;
  /** Takes no more tasks, lets calls on the wire finish (bounded), ends all followers with `draining`. */
  close(): Promise<void>;
}

export interface SessionsLimits extends LiveLimits {
  sessionsPerOwnerMaxCount: number;
}

export interface SessionsOptions {
  store: Store;
  /** Opens model and documents of a configuration; an AppError when a document cannot be used. */
  equip(config: SessionConfig, owner: string): Promise<Equipment>;
  limits: SessionsLimits;
  /** Hears of failures that no caller can be told. */
  onError(error: unknown, sessionId: string): void;
}

const SWEEP_INTERVAL_MS = 500;
const REST_AFTER_MS = 60_000;
const EXPIRED_AT_ONCE = 100;

/** All sessions over a store; those with unfinished tasks go on at once. */
export async function openSessions({ store, equip, limits, onError }: SessionsOptions): Promise<Sessions> {
  const live = new Map<string, Promise<LiveSession | undefined>>();
  let closing = false;

  function wake(stored: StoredSession, standing: Standing, ready?: Equipment): LiveSession {
    let first = ready;
    return openLiveSession(stored, standing, {
      store,
      limits,
      equip: async () => {
        const held = first ?? (await equip(stored.config, stored.owner));
        first = undefined;
        return held;
      },
      lost(error) {
        onError(error, stored.id);
        forget(stored.id);
      },
    });
  }

  /** Drops a session that cannot go on here; it is loaded afresh when somebody asks for it. */
  function forget(id: string): void {
    const entry = live.get(id);
    live.delete(id);
    entry?.then((session) => session?.leave('draining')).catch((error: unknown) => onError(error, id));
  }

  function load(id: string): Promise<LiveSession | undefined> {
    let entry = live.get(id);
    if (!entry) {
      entry = read(id);
      live.set(id, entry);
      entry.then(
        (session) => !session && live.delete(id),
        () => live.delete(id),
      );
    }
    return entry;
  }

  async function read(id: string): Promise<LiveSession | undefined> {
    const stored = await store.findSession(id);
    const standing = stored && (await store.claim(id));
    return stored && standing ? wake(stored, standing) : undefined;
  }

  async function create(config: SessionConfig, owner: Principal): Promise<string> {
    if (closing) throw new AppError('unavailable', 'The server is going away.', { retryAfterSeconds: 1 });
    if ((await store.countSessions(owner.id)) >= limits.sessionsPerOwnerMaxCount)
      throw new AppError(
        'too_many_requests',
        `${limits.sessionsPerOwnerMaxCount} sessions are open already (SESSIONS_PER_OWNER_MAX_COUNT).`,
        { retryAfterSeconds: 60 },
      );
    const equipment = await equip(config, owner.id);
    const id = uuid();
    const now = Date.now();
    const expiresAt = config.timeoutSeconds === undefined ? null : now + config.timeoutSeconds * 1000;
    const stored: StoredSession = { id, owner: owner.id, config, createdAt: now, expiresAt };
    const first: Message = { type: 'session_started', systemPrompt: config.systemPrompt, seq: 1, time: now };
    try {
      await store.createSession(stored, first);
    } catch (error) {
      equipment.close();
      throw error;
    }
    live.set(
      id,
      Promise.resolve(wake(stored, { epoch: 1, lastSeq: 1, lastTime: now, tasks: [] }, equipment)),
    );
    return id;
  }

  async function sweep(): Promise<void> {
    const now = Date.now();
    for (const id of await store.findExpired(now, EXPIRED_AT_ONCE)) {
      const session = await load(id);
      if (!session) continue;
      const idleFrom = session.busy ? now : session.activeAt;
      const expiresAt = idleFrom + (session.stored.config.timeoutSeconds ?? 0) * 1000;
      if (expiresAt > now) await store.postpone(id, expiresAt);
      else await remove(id, session);
    }
  }

  async function remove(id: string, session: LiveSession): Promise<void> {
    await store.removeSession(id);
    live.delete(id);
    await session.leave('expired');
  }

  /** Gives back the memory of sessions at rest; what nobody watches is forgotten. */
  async function tidy(): Promise<void> {
    const before = Date.now() - REST_AFTER_MS;
    for (const [id, entry] of live) {
      const session = await entry;
      if (!session || session.busy || session.activeAt > before) continue;
      session.rest();
      if (!session.watched) live.delete(id);
    }
  }

  const sweeper = every(SWEEP_INTERVAL_MS, sweep, (error) => onError(error, ''));
  const tidier = every(REST_AFTER_MS / 2, tidy, (error) => onError(error, ''));
  for (const id of await store.findUnfinished()) await load(id);

  return {
    create,
    async find(id, caller) {
      const session = await load(id);
      if (!session || !mayUse(caller, session.stored.owner))
        throw new AppError(
          'not_found',
          `There is no session "${id.slice(0, 100)}": it is unknown or has expired.`,
        );
      return session;
    },
    async close() {
      closing = true;
      await Promise.all([sweeper(), tidier()]);
      await Promise.all([...live.values()].map(async (entry) => (await entry)?.leave('draining')));
    },
  };
}

/** Runs `work` again and again with a pause between; the function that it returns ends it and waits for what runs. */
function every(
  pauseMs: number,
  work: () => Promise<void>,
  onError: (error: unknown) => void,
): () => Promise<void> {
  let running = Promise.resolve();
  let ended = false;
  const next = (): NodeJS.Timeout =>
    setTimeout(() => {
      running = work()
        .catch(onError)
        .then(() => {
          if (!ended) timer = next();
        });
    }, pauseMs).unref();
  let timer = next();
  return () => {
    ended = true;
    clearTimeout(timer);
    return running;
  };
}
