import { AppError } from '../errors.ts';
import type { Queue, Store, StoredTask } from './store.ts';
import { bytesOf } from './task-size.ts';

/** The limits of the tasks that wait in one session. */
export interface QueueLimits {
  queuedTasksMaxCount: number;
  /** The bytes of their content together. A task that waits alone may be larger. */
  queuedTasksMaxBytes: number;
}

/** The entrance of one session's queue on this node. It counts the tasks that are on their way to the session's owner. */
export class QueueEntrance {
  readonly #store: Store;
  readonly #id: string;
  readonly #limits: QueueLimits;
  readonly #entering: Queue = { count: 0, bytes: 0 };

  constructor(store: Store, id: string, limits: QueueLimits) {
    this.#store = store;
    this.#id = id;
    this.#limits = limits;
  }

  /**
   * Keeps room for a task, until the returned function is called: from then on the owner counts it. `waiting` is the owner's
   * queue; undefined when another node owns the session. Rejects with `limit_reached` when the queue is full. A task that is
   * open already needs no room.
   */
  async reserve(task: StoredTask, isNew: boolean, waiting: Queue | undefined): Promise<() => void> {
    const { queuedTasksMaxCount, queuedTasksMaxBytes } = this.#limits;
    const queue = waiting ?? (await this.#store.measureQueue(this.#id));
    const entering = this.#entering;
    const size = bytesOf(task);
    const count = queue.count + entering.count;
    const bytes = queue.bytes + entering.bytes;
    const isLarge = count > 0 && bytes + size > queuedTasksMaxBytes;
    if (count < queuedTasksMaxCount && !isLarge) {
      entering.count += 1;
      entering.bytes += size;
      return () => {
        entering.count -= 1;
        entering.bytes -= size;
      };
    }
    if (!isNew && (await this.#store.isTaskOpen(this.#id, task.taskId))) return () => undefined;
    const [name, limit] = isLarge
      ? ['QUEUED_TASKS_MAX_BYTES', queuedTasksMaxBytes]
      : ['QUEUED_TASKS_MAX_COUNT', queuedTasksMaxCount];
    throw new AppError(
      'limit_reached',
      `The queue of this session is full: tasks ${count}, bytes ${bytes}, ${name} ${limit}. Send the task again when some have ended.`,
    );
  }
}
