import type { KeptSession } from './kept-session.ts';
import type { Observer, ObservedEnd } from './observer.ts';
import { OwnedTask } from './owned-task.ts';
import type { Queue, StoredTask } from './store.ts';

/** The session of the tasks, how long a task may take in ms, and who observes them. */
export interface TaskListOptions {
  stored: KeptSession;
  limits: { taskTimeoutMs: number };
  observer: Observer;
}

/** The tasks of one owner that have not ended, in order of arrival. */
export class TaskList {
  readonly #tasks = new Map<string, OwnedTask>();
  /** The ids of all tasks that were ever added, so that none runs twice. */
  readonly #taken = new Set<string>();
  readonly #options: TaskListOptions;

  constructor(options: TaskListOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#tasks.size;
  }

  /** Whether a task runs or waits. A detached task only waits for its calls to come back. */
  get isBusy(): boolean {
    return this.all().some(({ state }) => state !== 'detached');
  }

  /** The tasks that wait. */
  get queue(): Queue {
    const waiting = this.waiting();
    return { count: waiting.length, bytes: waiting.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /** Whether no task holds a slot. A detached task keeps its slot, as its calls may still be on the wire. */
  get isSlotFree(): boolean {
    return this.size === this.waiting().length;
  }

  wasTaken(taskId: string): boolean {
    return this.#taken.has(taskId);
  }

  /** Whether a new task may begin before all others: none waits, and it is not known. */
  isNext(taskId: string): boolean {
    return this.waiting().length === 0 && !this.wasTaken(taskId);
  }

  all(): OwnedTask[] {
    return [...this.#tasks.values()];
  }

  waiting(): OwnedTask[] {
    return this.all().filter(({ state }) => state === 'waiting');
  }

  find(taskId: string): OwnedTask | undefined {
    return this.#tasks.get(taskId);
  }

  add(task: StoredTask): OwnedTask {
    const { stored, limits, observer } = this.#options;
    const observed = observer.task({ sessionId: stored.id, taskId: task.taskId, owner: stored.owner });
    const owned = new OwnedTask(task, limits.taskTimeoutMs, observed);
    this.#taken.add(owned.id);
    this.#tasks.set(owned.id, owned);
    return owned;
  }

  /** Takes a task that is over out of the list. `end` is missing where no last line was committed. */
  remove(owned: OwnedTask, end: ObservedEnd = owned.end): void {
    if (this.#tasks.get(owned.id) !== owned) return;
    this.#tasks.delete(owned.id);
    owned.observer.ended(end);
  }

  /** Forgets every task, also those that were taken before. */
  clear(): void {
    for (const owned of this.all()) this.remove(owned);
    this.#taken.clear();
  }
}
