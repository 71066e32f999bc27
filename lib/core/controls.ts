import { systemClock, type Clock } from '../common/clock.ts';
import { sleep } from '../common/deadline.ts';
import { AppError } from '../errors.ts';
import type { Control, Store, StoredControl, StoredTask } from './store.ts';

/** How long a session's owner has to answer another node, in ms. */
export const OWNER_TIMEOUT_MS = 20_000;
const POLL_MS = 25;

/** The owner's side: what it does with the tasks and controls that other nodes have written. */
export interface ControlTarget {
  /** Takes a committed task; a known one is ignored. */
  take(task: StoredTask): void;
  /** Whether the owner knows the task, so that it need not be read again. */
  isTaken(taskId: string): boolean;
  obey(control: Control): Promise<void>;
  /** True when the owner takes nothing more. */
  isLeaving(): boolean;
}

/**
 * Reads the tasks and controls that other nodes have written to a session, and passes them to its owner.
 *
 * Contract: one read at a time, so that no control is obeyed twice. A caller that comes during a read waits for one more.
 */
export class ControlReader {
  readonly #store: Store;
  readonly #id: string;
  readonly #target: ControlTarget;
  #reading: Promise<void> | undefined;
  #again = false;

  constructor(store: Store, id: string, target: ControlTarget) {
    this.#store = store;
    this.#id = id;
    this.#target = target;
  }

  /** Resolves when everything that was written before the call has been passed on. */
  read(): Promise<void> {
    this.#again = true;
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readAll(): Promise<void> {
    while (this.#again && !this.#target.isLeaving()) {
      this.#again = false;
      const [tasks, controls] = await Promise.all([
        this.#store.listOpenTasks(this.#id, (taskId) => this.#target.isTaken(taskId)),
        this.#store.listControls(this.#id),
      ]);
      await this.pass(tasks, controls);
    }
  }

  /** Passes tasks and controls to the owner. */
  async pass(tasks: readonly StoredTask[], controls: readonly StoredControl[]): Promise<void> {
    // The owner takes tasks and controls in one tick of the event loop: nothing is sent for a task before its stop is known.
    for (const task of tasks) this.#target.take(task);
    for (const { key, control } of controls) {
      await this.#target.obey(control);
      await this.#store.removeControl(this.#id, key);
    }
  }
}

/** The other nodes' side: asks the owner of a session, and resolves when it has obeyed. `unavailable` when none does in time. */
export async function askOwner(
  store: Store,
  id: string,
  control: Control,
  clock: Clock = systemClock,
): Promise<void> {
  const key = await store.addControl(id, control);
  const end = clock.monotonicNow() + OWNER_TIMEOUT_MS;
  while (clock.monotonicNow() < end) {
    if (await store.isControlHandled(id, key)) return;
    await sleep(POLL_MS, undefined, clock);
  }
  throw new AppError(
    'unavailable',
    "The session's node does not answer; what was asked is kept and done as soon as one does.",
    { retryAfterSeconds: 5 },
  );
}
