import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { Clock } from '../common/clock.ts';
import { sleep } from '../common/deadline.ts';
import { isHeapShort } from '../common/heap.ts';
import { startPeriodic, type Periodic } from '../common/periodic.ts';
import { isGone, type ClaimedSession, type Store } from './store.ts';
import type { LiveSession } from './live-session.ts';

const SWEEP_PAUSE_MS = 500;
const POLL_PAUSE_MS = 1000;
/** A session is released, and its memory freed, when it was not used for this long. */
const IDLE_AFTER_MS = 60_000;
/** The pause between two looks for idle sessions. Where memory is short, a session is idle after one pause. */
const IDLE_LOOK_MS = 2000;
const RETENTION_PAUSE_MS = 3_600_000;
/** A pause within the retention job, so that no request waits for it. */
const BREATH_MS = 20;
const AT_ONCE = 100;

/** The sessions in this node's memory, as the upkeep uses them. */
export interface LoadedSessions {
  load(id: string): Promise<LiveSession | undefined>;
  loaded(): Promise<LiveSession[]>;
  /** Begins to work on a session that this node has just claimed. */
  adopt(claimed: ClaimedSession): Promise<void>;
  forget(id: string): void;
}

/** The sessions that the upkeep works on. */
export interface UpkeepOptions {
  store: Store;
  clock: Clock;
  sessions: LoadedSessions;
  /** How long ended tasks and unused sessions are kept, in ms; for ever when missing. */
  retentionMs?: number | undefined;
  /** Whether memory is short, so that no idle session may keep any. */
  isMemoryShort?: (() => boolean) | undefined;
  /** Receives failures. A failure of one session does not keep the work from the others. */
  onError(error: unknown, sessionId: string): void;
}

/** The work on sessions that no request asks for. */
export interface Upkeep {
  /** Stops every job but the renewal of leases, and resolves when no other job runs. */
  pause(): Promise<void>;
  close(): Promise<void>;
}

/** Starts the jobs. When it resolves, sessions with open tasks that no node works on have been taken over. */
export async function openUpkeep(options: UpkeepOptions): Promise<Upkeep> {
  const jobs = new UpkeepJobs(options);
  await jobs.poll();
  jobs.start();
  return jobs;
}

class UpkeepJobs implements Upkeep {
  readonly #options: UpkeepOptions;
  readonly #store: Store;
  readonly #sessions: LoadedSessions;
  readonly #clock: Clock;
  #renewal: Periodic | undefined;
  #jobs: Periodic[] = [];
  /** Aborts when the jobs are paused. */
  readonly #paused = new AbortController();

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#sessions = options.sessions;
    this.#clock = options.clock;
  }

  start(): void {
    const { retentionMs } = this.#options;
    this.#renewal = this.#startJob(this.#store.leaseMs / 3, () => this.#renewLeases());
    this.#jobs = [
      this.#startJob(SWEEP_PAUSE_MS, () => this.#removeExpired()),
      this.#startJob(POLL_PAUSE_MS, () => this.poll()),
      this.#startJob(IDLE_LOOK_MS, () => this.#releaseIdle()),
    ];
    if (retentionMs !== undefined) {
      const pauseMs = Math.min(RETENTION_PAUSE_MS, retentionMs / 24);
      this.#jobs.push(this.#startJob(pauseMs, () => this.#retain(this.#clock.now() - retentionMs)));
    }
  }

  async pause(): Promise<void> {
    this.#paused.abort();
    await Promise.all(this.#jobs.map((job) => job.stop()));
  }

  async close(): Promise<void> {
    await this.pause();
    await this.#renewal?.stop();
  }

  /** Takes over sessions that no node works on, and shows subscribers what other nodes wrote. The store's wake-ups may be lost. */
  async poll(): Promise<void> {
    await this.#takeOverOrphans();
    await this.#takeOverLost();
    await this.#answerQuestions();
    if (this.#store.shared) await this.#wakeWatched();
  }

  /** Ends the wait for answers that did not come in time, and reads those that came to other nodes. */
  async #answerQuestions(): Promise<void> {
    const expired = new Set(await this.#store.expireQuestions(this.#clock.now()));
    for (const session of await this.#sessions.loaded())
      if (session.isAsking || expired.has(session.id)) session.wake();
  }

  /**
   * Takes over every session with work that no living node owns, those with the oldest work first. The node claims all of them
   * first, and then works on them: the work on the first ones takes seconds.
   */
  async #takeOverOrphans(): Promise<void> {
    const claimed: ClaimedSession[] = [];
    try {
      for (let count = AT_ONCE; count === AT_ONCE && !this.#paused.signal.aborted;) {
        const batch = await this.#store.claimOrphans(AT_ONCE);
        claimed.push(...batch);
        count = batch.length;
      }
    } finally {
      await this.#adoptAll(claimed);
    }
  }

  /** Begins the work of claimed sessions. Those that a pause comes before are released. */
  async #adoptAll(claimed: ClaimedSession[]): Promise<void> {
    while (claimed.length > 0) {
      const begin = (one: ClaimedSession): Promise<void> =>
        this.#paused.signal.aborted
          ? this.#store.release(one.id, one.claim.epoch)
          : this.#sessions.adopt(one);
      const batch = claimed.splice(0, AT_ONCE);
      await Promise.all(batch.map((one) => this.#try(one.id, () => begin(one))));
      await endOfTurn();
    }
  }

  /** Claims again what this node lost when the store failed. */
  async #takeOverLost(): Promise<void> {
    const lost = (await this.#sessions.loaded()).filter(({ isLost }) => isLost);
    for (const session of lost) await this.#try(session.id, () => session.takeOver());
  }

  async #wakeWatched(): Promise<void> {
    const watched = (await this.#sessions.loaded()).filter(
      ({ isWatched, epoch }) => isWatched && epoch === undefined,
    );
    if (watched.length === 0) return;
    const known = await this.#store.lastSeqs(watched.map(({ id }) => id));
    for (const session of watched) {
      const lastSeq = known.get(session.id);
      if (lastSeq !== undefined) {
        if (lastSeq > session.lastSeq) session.wake();
      } else {
        this.#sessions.forget(session.id);
        await session.leave(session.stored.expiresAt === null ? 'removed' : 'expired');
      }
    }
  }

  /** Removes sessions that were idle for too long, when this node owns them or can take them over. */
  async #removeExpired(): Promise<void> {
    const now = this.#clock.now();
    await this.#each(await this.#store.findExpired(now, AT_ONCE), async (session) => {
      if (!(await session.takeOver())) return;
      const idleFrom = session.isBusy ? now : session.writtenAt;
      const expiresAt = idleFrom + Math.ceil((session.stored.config.timeoutSeconds ?? 0) * 1000);
      if (expiresAt > now) await this.#store.setExpiry(session.id, expiresAt);
      else await this.#expire(session);
    });
  }

  async #renewLeases(): Promise<void> {
    const owned = new Map<string, LiveSession>();
    const epochs = new Map<string, number>();
    for (const session of await this.#sessions.loaded()) {
      if (session.epoch === undefined) continue;
      owned.set(session.id, session);
      epochs.set(session.id, session.epoch);
    }
    // A broken connection is no reason to lose every session: another connection is tried at once.
    const kept = await this.#store.renew(epochs).catch(() => this.#store.renew(epochs));
    for (const [id, session] of owned)
      if (!kept.has(id) && session.epoch === epochs.get(id)) session.abandon();
  }

  /** Frees the memory of sessions that were not used for a while, and forgets those without a subscriber. */
  async #releaseIdle(): Promise<void> {
    const { isMemoryShort = isHeapShort } = this.#options;
    const before = this.#clock.now() - (isMemoryShort() ? IDLE_LOOK_MS : IDLE_AFTER_MS);
    for (const session of await this.#sessions.loaded()) {
      if (session.isBusy || session.usedAt > before) continue;
      await session.release();
      if (!session.isWatched && session.epoch === undefined) this.#sessions.forget(session.id);
    }
  }

  /** Deletes ended tasks older than `before` with their journal, and sessions that nobody used since. */
  async #retain(before: number): Promise<void> {
    for (
      let after: string | undefined = '';
      after !== undefined && !this.#paused.signal.aborted;
      await this.#breathe()
    ) {
      const { idle, next } = await this.#store.prune(before, after);
      await this.#each(idle, async (session) => {
        if ((await session.takeOver()) && !session.isBusy && session.writtenAt < before)
          await this.#expire(session);
      });
      after = next;
    }
    for (
      let after: string | undefined = '';
      after !== undefined && !this.#paused.signal.aborted;
      await this.#breathe()
    )
      after = await this.#store.pruneJournal(before, after);
  }

  async #expire(session: LiveSession): Promise<void> {
    await this.#store.removeSession(session.id, session.epoch);
    this.#sessions.forget(session.id);
    await session.leave('expired');
  }

  async #each(ids: Iterable<string>, work: (session: LiveSession) => Promise<void>): Promise<void> {
    for (const id of ids)
      await this.#try(id, async () => {
        const session = await this.#sessions.load(id);
        if (session) await work(session);
      });
  }

  /** Does some work for a session. Its failure is reported, and keeps no other session waiting. */
  async #try(id: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (isGone(error)) this.#sessions.forget(id);
      else this.#options.onError(error, id);
    }
  }

  #startJob(pauseMs: number, work: () => Promise<void>): Periodic {
    const onError = (error: unknown): void => this.#options.onError(error, '');
    return startPeriodic({ pauseMs, work, onError, clock: this.#clock });
  }

  /** Lets requests through between two steps of a long job. The pause of the jobs ends it early. */
  #breathe(): Promise<void> {
    return sleep(BREATH_MS, this.#paused.signal, this.#clock).catch(() => undefined);
  }
}
