import { AppError } from '../errors.ts';
import type { LiveSession } from './live-session.ts';
import { retain } from './retention.ts';
import type { Store } from './store.ts';

const SWEEP_INTERVAL_MS = 500;
const POLL_INTERVAL_MS = 1000;
const REST_AFTER_MS = 60_000;
const AT_ONCE = 100;
const RETAIN_INTERVAL_MS = 3_600_000;

export interface UpkeepOptions {
  store: Store;
  /** The sessions in this node's memory. */
  live: Map<string, Promise<LiveSession | undefined>>;
  load(id: string): Promise<LiveSession | undefined>;
  /** How long what ended is kept; for ever when missing. */
  retentionMs?: number | undefined;
  /** Hears of failures; one session's is no other's. */
  onError(error: unknown, sessionId: string): void;
}

/** What has to be done for sessions without anybody asking. */
export interface Upkeep {
  /** Does nothing more but prolong leases. */
  rest(): Promise<void>;
  close(): Promise<void>;
}

/** Begins the upkeep; sessions with unfinished tasks that no node works on have been taken up when it resolves. */
export async function openUpkeep({
  store,
  live,
  load,
  retentionMs,
  onError,
}: UpkeepOptions): Promise<Upkeep> {
  let resting = false;

  async function each(ids: Iterable<string>, work: (session: LiveSession) => Promise<void>): Promise<void> {
    for (const id of ids) {
      try {
        const session = await load(id);
        if (session) await work(session);
      } catch (error) {
        if (error instanceof AppError && error.code === 'not_found') live.delete(id);
        else onError(error, id);
      }
    }
  }

  /** The sessions that are loaded; what cannot be loaded is told to who wants it. */
  async function loaded(): Promise<LiveSession[]> {
    const sessions = await Promise.all([...live.values()].map((entry) => entry.catch(() => undefined)));
    return sessions.flatMap((session) => session ?? []);
  }

  async function remove(session: LiveSession, epoch: number): Promise<void> {
    await store.removeSession(session.id, epoch);
    live.delete(session.id);
    await session.leave('expired');
  }

  /** Ends sessions that were idle too long, on the node that owns them or comes to. */
  async function sweep(): Promise<void> {
    const now = Date.now();
    await each(await store.findExpired(now, AT_ONCE), async (session) => {
      const loop = await session.acquire();
      if (!loop) return;
      const idleFrom = loop.busy ? now : loop.activeAt;
      const expiresAt = idleFrom + Math.ceil((session.stored.config.timeoutSeconds ?? 0) * 1000);
      if (expiresAt > now) await store.setExpiry(session.id, expiresAt);
      else await remove(session, loop.epoch);
    });
  }

  /** Behind the wake-ups: takes over what no node works on, and shows watchers what other nodes wrote. */
  async function poll(): Promise<void> {
    await each(await store.findOrphans(AT_ONCE), async (session) => {
      if (session.loop) session.wake();
      else await session.acquire();
    });
    if (!store.shared) return;
    const watching = (await loaded()).filter((session) => session.watched && !session.loop);
    if (watching.length === 0) return;
    const known = await store.lastSeqs(watching.map(({ id }) => id));
    for (const session of watching) {
      if (known.has(session.id)) session.wake();
      else {
        live.delete(session.id);
        await session.leave(session.stored.expiresAt === null ? 'removed' : 'expired');
      }
    }
  }

  async function retainUntil(before: number): Promise<void> {
    const removeIdle = (ids: readonly string[]): Promise<void> =>
      each(ids, async (session) => {
        const loop = await session.acquire();
        if (loop && !loop.busy && loop.activeAt < before) await remove(session, loop.epoch);
      });
    await retain({ store, before, removeIdle, over: () => resting });
  }

  async function renew(): Promise<void> {
    const owned = new Map<string, { session: LiveSession; epoch: number }>();
    for (const session of await loaded())
      if (session.loop) owned.set(session.id, { session, epoch: session.loop.epoch });
    const epochs = new Map([...owned].map(([id, { epoch }]) => [id, epoch]));
    // A connection that broke is no reason to lose them all: another is tried at once.
    const kept = await store.renew(epochs).catch(() => store.renew(epochs));
    for (const [id, { session, epoch }] of owned)
      if (!kept.has(id) && session.loop?.epoch === epoch) session.abandon();
  }

  /** Gives back the memory of sessions at rest; what nobody watches is forgotten. */
  async function tidy(): Promise<void> {
    const before = Date.now() - REST_AFTER_MS;
    for (const session of await loaded()) {
      const usedAt = Math.max(session.touchedAt, session.loop?.activeAt ?? 0);
      if (session.loop?.busy || usedAt > before) continue;
      await session.release();
      if (!session.watched && !session.loop) live.delete(session.id);
    }
  }

  await poll();
  const report = (error: unknown): void => onError(error, '');
  const lease = every(store.leaseMs / 3, renew, report);
  const others = [
    every(SWEEP_INTERVAL_MS, sweep, report),
    every(POLL_INTERVAL_MS, poll, report),
    every(REST_AFTER_MS / 2, tidy, report),
  ];
  if (retentionMs !== undefined) {
    const work = (): Promise<void> => retainUntil(Date.now() - retentionMs);
    others.push(every(Math.min(RETAIN_INTERVAL_MS, retentionMs / 24), work, report));
  }
  return {
    async rest() {
      resting = true;
      await Promise.all(others.map((end) => end()));
    },
    close: lease,
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
