/** One piece of work. It ends soon after its signal aborts. */
type Work = (signal: AbortSignal) => Promise<void>;

/**
 * Work that goes on by itself, at most one run for each key at a time.
 *
 * Contract: no promise rejects; `onError` receives the failure of a run, also of one that was stopped.
 */
export interface BackgroundWork {
  /**
   * Starts the work of a key. While a run of this key is under way, one more run follows it, shared by all who ask
   * meanwhile. Resolves when the run that began after the call has ended. After `close` a run begins with an aborted signal.
   */
  run(key: string, work: Work): Promise<void>;
  /** Whether a run of this key is under way. */
  isRunning(key: string): boolean;
  /** Aborts the run of this key, if any; resolves when it has ended. A run that follows it is not stopped. */
  stop(key: string, reason: Error): Promise<void>;
  /** Aborts all runs; resolves when the last one has ended. */
  close(reason: Error): Promise<void>;
}

/** Background work; nothing runs yet. */
export function createBackgroundWork(onError: (error: unknown) => void): BackgroundWork {
  return new KeyedWork(onError);
}

interface Run {
  readonly controller: AbortController;
  ended: Promise<void>;
  /** The run that follows this one. */
  next?: Promise<void>;
}

class KeyedWork implements BackgroundWork {
  readonly #onError: (error: unknown) => void;
  readonly #runs = new Map<string, Run>();
  #closeReason: Error | undefined;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  run(key: string, work: Work): Promise<void> {
    const present = this.#runs.get(key);
    if (!present) return this.#begin(key, work);
    present.next ??= present.ended.then(() => this.#begin(key, work));
    return present.next;
  }

  isRunning(key: string): boolean {
    return this.#runs.has(key);
  }

  async stop(key: string, reason: Error): Promise<void> {
    const run = this.#runs.get(key);
    run?.controller.abort(reason);
    await run?.ended;
  }

  async close(reason: Error): Promise<void> {
    this.#closeReason ??= reason;
    for (const { controller } of this.#runs.values()) controller.abort(reason);
    while (this.#runs.size > 0)
      await Promise.all([...this.#runs.values()].map(({ ended, next }) => next ?? ended));
  }

  #begin(key: string, work: Work): Promise<void> {
    const controller = new AbortController();
    if (this.#closeReason) controller.abort(this.#closeReason);
    const run: Run = { controller, ended: Promise.resolve() };
    this.#runs.set(key, run);
    run.ended = this.#attempt(work, controller.signal).then(() => {
      if (!run.next) this.#runs.delete(key);
    });
    return run.ended;
  }

  async #attempt(work: Work, signal: AbortSignal): Promise<void> {
    try {
      await work(signal);
    } catch (error) {
      this.#onError(error);
    }
  }
}
