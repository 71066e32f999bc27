import type { Cancel, Clock } from '../common/clock.ts';

/** How far a task is. */
export interface ChatTaskState {
  status: 'pending' | 'running' | 'finished' | 'failed';
  /** The text so far. */
  content: string;
  error: string | null;
  /** Tokens, once it has finished. */
  tokenCost: number | null;
}

/** Tells watchers how far tasks are. */
export interface TaskWatch {
  /** The newest state of a task that runs in this process. */
  tell(id: string, state: ChatTaskState): void;
  /** The task runs here no longer: watchers read it from the database. */
  forget(id: string): void;
  /** The states of a task as they change; ends with its last state, or when the signal aborts. */
  watch(id: string, signal: AbortSignal): AsyncGenerator<ChatTaskState>;
}

/** How often a task that runs in another process is read. */
const READ_EVERY_MS = 300;

/** A watch; `read` finds tasks that do not run in this process. */
export function createTaskWatch(
  read: (id: string) => Promise<ChatTaskState | undefined>,
  clock: Clock,
): TaskWatch {
  /** The newest states of the tasks that run in this process. */
  const live = new Map<string, ChatTaskState>();
  /** Those who watch a task, each by its own bell. */
  const watchers = new Map<string, Set<Bell>>();
  const ring = (id: string): void => watchers.get(id)?.forEach((bell) => bell.ring());

  async function* watch(id: string, signal: AbortSignal): AsyncGenerator<ChatTaskState> {
    const bell = new Bell(clock);
    const others = watchers.get(id) ?? new Set();
    watchers.set(id, others.add(bell));
    const onAbort = (): void => bell.ring();
    signal.addEventListener('abort', onAbort);
    try {
      let last: ChatTaskState | undefined;
      while (!signal.aborted) {
        // Before the state is read: a change after that rings, and is not slept through.
        bell.clear();
        const here = live.get(id);
        const state = here ?? (await read(id));
        // The task was removed, or forgotten.
        if (!state) return;
        if (!last || isNews(last, state)) yield state;
        last = state;
        if (state.status === 'finished' || state.status === 'failed') return;
        // Nobody rings for a task of another process: it is read again after a while.
        await bell.wait(here ? undefined : READ_EVERY_MS);
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      others.delete(bell);
      if (others.size === 0) watchers.delete(id);
    }
  }

  return {
    tell(id, state) {
      live.set(id, state);
      ring(id);
    },
    forget(id) {
      live.delete(id);
      ring(id);
    },
    watch,
  };
}

/** Wakes one waiting reader. A ring before the wait is not lost. */
class Bell {
  readonly #clock: Clock;
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  clear(): void {
    this.#rung = false;
  }

  /** Resolves at the next ring since `clear`, or after `timeoutMs`. */
  async wait(timeoutMs: number | undefined): Promise<void> {
    if (this.#rung) return;
    let cancel: Cancel | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (timeoutMs !== undefined) cancel = this.#clock.startTimer(timeoutMs, resolve);
    });
    cancel?.();
    this.#wake = undefined;
  }
}

/** Whether a watcher would see a difference. */
function isNews(before: ChatTaskState, after: ChatTaskState): boolean {
  return before.status !== after.status || before.content !== after.content;
}
