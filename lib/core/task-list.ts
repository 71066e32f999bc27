import { OwnedTask } from './owned-task.ts';
import type { Queue, StoredTask } from './store.ts';

/** The tasks of one owner that have not ended, in order of arrival. */
export class TaskList {
  readonly #tasks = new Map<string, OwnedTask>();
  /** The ids of all tasks that were ever added, so that none runs twice. */
  readonly #taken = new Set<string>();
  readonly #timeoutMs: number;

  /** `timeoutMs` is how long a task may take. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get size(): number {
    return this.#tasks.size;
  }

  /** Whether a task runs or waits. A detached task only waits for its calls to come back. */
  get isBusy(): boolean {
    return this.all().some(({ state }) => state !== 'detached');
  }

  get waitingCount(): number {
    return this.waiting().length;
  }

  /** The tasks that wait. */
  get queue(): Queue {
    const waiting = this.waiting();
    return { count: waiting.length, bytes: waiting.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /** Whether no task holds a slot. A detached task keeps its slot, as its calls may still be on the wire. */
  get isSlotFree(): boolean {
    return this.size === this.waitingCount;
  }

  wasTaken(taskId: string): boolean {
    return this.#taken.has(taskId);
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
    const owned = new OwnedTask(task, this.#timeoutMs);
    this.#taken.add(owned.id);
    this.#tasks.set(owned.id, owned);
    return owned;
  }

  remove(owned: OwnedTask): void {
    if (this.#tasks.get(owned.id) === owned) this.#tasks.delete(owned.id);
  }

  /** Forgets every task, also those that were taken before. */
  clear(): void {
    this.#tasks.clear();
    this.#taken.clear();
  }
}
