/** How far a task is. */
export interface TaskState {
  status: 'pending' | 'running' | 'finished' | 'failed';
  /** All that was said so far. */
  content: string;
  error: string | null;
  /** Tokens, once it has finished. */
  tokenCost: number | null;
}

/** Tells watchers how far tasks are. */
export interface TaskWatch {
  /** What a task of this process has come to. */
  tell(id: string, state: TaskState): void;
  /** It runs here no longer: watchers read it from the database. */
  forget(id: string): void;
  watch(id: string, signal: AbortSignal): AsyncGenerator<TaskState>;
}

/** How often a task that runs elsewhere is looked at. */
const LOOK_EVERY_MS = 300;

/** A watch whose tasks are told of here, or else read. */
export function openTaskWatch(read: (id: string) => Promise<TaskState | undefined>): TaskWatch {
  const live = new Map<string, TaskState>();
  const bells = new Map<string, Set<() => void>>();
  const ring = (id: string): void => bells.get(id)?.forEach((bell) => bell());

  return {
    tell(id, state) {
      live.set(id, state);
      ring(id);
    },

    forget(id) {
      live.delete(id);
      ring(id);
    },

    async *watch(id, signal) {
      let news = false;
      let wake = (): void => undefined;
      const bell = (): void => {
        news = true;
        wake();
      };
      const others = bells.get(id) ?? new Set();
      bells.set(id, others.add(bell));
      signal.addEventListener('abort', bell);
      try {
        let last: TaskState | undefined;
        while (!signal.aborted) {
          news = false;
          const here = live.get(id);
          const state = here ?? (await read(id));
          if (!state) return;
          if (!last || isNews(last, state)) yield state;
          last = state;
          if (state.status === 'finished' || state.status === 'failed') return;
          if (news) continue;
          await new Promise<void>((resolve) => {
            const timer = here ? undefined : setTimeout(resolve, LOOK_EVERY_MS);
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
          });
        }
      } finally {
        signal.removeEventListener('abort', bell);
        others.delete(bell);
        if (others.size === 0) bells.delete(id);
      }
    },
  };
}

function isNews(before: TaskState, after: TaskState): boolean {
  return before.status !== after.status || before.content !== after.content;
}
