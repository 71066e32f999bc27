/*
 * The states of a task:
 *
 *   state      event                       written in one transaction               next
 *   -          start                       hold of the credits, the row             pending
 *   pending    the work begins             text, lease                              running
 *   running    each second                 text, lease                              running
 *   running    the work is done            end, message, settled credits            finished
 *   running    cut (client gone, removed)  end, incomplete message, settled         finished
 *   running    failure, shutdown           end, incomplete message, released        failed
 *   running    the lease expired           the same, by another process             failed
 *   ended      an hour after the start     row removed                              -
 */

import { createBackgroundWork, type BackgroundWork } from '../common/background-work.ts';
import { systemClock, type Clock } from '../common/clock.ts';
import { startPeriodic, type Periodic } from '../common/periodic.ts';
import type { Ledger } from '../credits/ledger.ts';
import { AppError } from '../errors.ts';
import { creditsOf, endTask, unfinished } from './task-end.ts';
import { runChatTask, TASK_LEASE_MS, TaskCut, type TaskWork } from './task-run.ts';
import type { ChatsDb, ChatTasksTable } from './schema.ts';
import { createTaskWatch, type ChatTaskState, type TaskWatch } from './task-watch.ts';

/** A piece of work that a model does for a chat. */
export interface ChatTask extends ChatTaskState {
  id: string;
  owner: string;
  chatId: number;
  type: ChatTasksTable['type'];
  /** Ms since the epoch. */
  createdAt: number;
}

/** A task before it starts. */
export interface NewChatTask {
  owner: string;
  chatId: number;
  type: ChatTasksTable['type'];
  /** Credits a token; 0: it costs nothing. */
  rate: number;
  /** Estimated. */
  promptTokens: number;
  maxTokens: number;
}

/**
 * Tasks of chats: they run by themselves, also while nobody watches.
 *
 * Contract:
 * - The most that a task may cost is held before the task exists. It is settled or released once, when the task ends, also
 *   after a crash.
 * - A task that was cut off (its client disconnected, it was removed) ends as finished with the text so far; a task that
 *   failed, or whose process died, ends as failed. The text so far is stored in the chat as incomplete then.
 * - A task is forgotten an hour after it was made.
 */
export interface ChatTasks {
  /** Makes a task and starts it; undefined when the owner has too few credits. */
  start(task: NewChatTask, work: TaskWork): Promise<ChatTask | undefined>;
  find(id: string): Promise<ChatTask | undefined>;
  /** Ends a task that has not ended, and forgets it. */
  remove(id: string): Promise<void>;
  /** Ends and forgets all tasks of an owner. */
  removeOwner(owner: string): Promise<void>;
  /** The right to watch, which is given once. */
  connect(id: string): Promise<boolean>;
  /** The states of a task as they change, until it has ended. A slow reader misses states, never the last one. */
  watch(id: string, signal: AbortSignal): AsyncGenerator<ChatTaskState>;
  /** Ends a task that runs in this process with the text so far. */
  cut(id: string): void;
  /** Ends the tasks that dead processes left unfinished, now and from time to time. */
  takeUp(): Promise<void>;
  /** Ends tasks whose process died, and forgets old ones. */
  tidy(): Promise<void>;
  close(): Promise<void>;
}

/** The parts that tasks are opened with. */
export interface ChatTasksOptions {
  db: ChatsDb;
  ledger: Ledger;
  /** No other process works on this database: a task that is unfinished at the start belongs to nobody. */
  alone: boolean;
  onError(error: unknown): void;
  clock?: Clock;
}

/** How long a client can find a task after it was made. */
const KEEP_MS = 3600_000;
/** How often dead tasks are looked for. */
const TIDY_EVERY_MS = 15_000;
/** So many dead tasks are ended in one round. */
const DEAD_AT_ONCE = 100;

/** Tasks over their table. `takeUp` begins to look after the tasks of other processes. */
export function openChatTasks(options: ChatTasksOptions): ChatTasks {
  return new StoredTasks(options);
}

/** Tasks over their table, and the work on them in this process. */
class StoredTasks implements ChatTasks {
  readonly #db: ChatsDb;
  readonly #ledger: Ledger;
  readonly #isAlone: boolean;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #work: BackgroundWork;
  readonly #watching: TaskWatch;
  #tidying: Periodic | undefined;
  #closed = false;

  constructor({ db, ledger, alone, onError, clock = systemClock }: ChatTasksOptions) {
    this.#db = db;
    this.#isAlone = alone;
    this.#ledger = ledger;
    this.#clock = clock;
    this.#onError = onError;
    this.#work = createBackgroundWork(onError);
    this.#watching = createTaskWatch(async (id) => stateOf(await this.find(id)), clock);
  }

  async takeUp(): Promise<void> {
    if (this.#isAlone)
      await this.#db
        .updateTable('chat_tasks')
        .set({ lease_until: 0 })
        .where('status', 'in', unfinished)
        .execute();
    await this.tidy();
    this.#tidying = startPeriodic({
      pauseMs: TIDY_EVERY_MS,
      work: () => this.tidy(),
      onError: this.#onError,
      clock: this.#clock,
    });
  }

  async start(task: NewChatTask, work: TaskWork): Promise<ChatTask | undefined> {
    if (this.#closed)
      throw new AppError('unavailable', 'The server is going away.', { retryAfterSeconds: 1 });
    const { owner, rate, promptTokens, maxTokens } = task;
    const row = rowOf(task, this.#clock);
    const paid = await this.#db.transaction().execute(async (trx) => {
      const amount = (promptTokens + maxTokens) * rate;
      if (amount > 0 && !(await this.#ledger.hold(owner, amount, row.id, creditsOf(trx)))) return false;
      await trx.insertInto('chat_tasks').values(row).execute();
      return true;
    });
    if (!paid) return undefined;
    void this.#work.run(row.id, (signal) => this.#run(row.id, work, signal));
    return taskOf(row);
  }

  async find(id: string): Promise<ChatTask | undefined> {
    const row = await this.#db
      .selectFrom('chat_tasks')
      .selectAll()
      .where('id', '=', id)
      .where('stopping', '=', 0)
      .where('created_at', '>', this.#clock.now() - KEEP_MS)
      .executeTakeFirst();
    return row && taskOf(row);
  }

  async remove(id: string): Promise<void> {
    await this.#db.updateTable('chat_tasks').set({ stopping: 1 }).where('id', '=', id).execute();
    await this.#work.stop(id, new TaskCut());
    // A task that another process works on ends there within a second, and the next tidying removes its row.
    await this.#db.deleteFrom('chat_tasks').where('id', '=', id).where('ended_at', 'is not', null).execute();
  }

  async removeOwner(owner: string): Promise<void> {
    const rows = await this.#db.selectFrom('chat_tasks').select('id').where('owner', '=', owner).execute();
    for (const { id } of rows) await this.remove(id);
    // The process that works on a task finds its row gone, and stops.
    await this.#db.deleteFrom('chat_tasks').where('owner', '=', owner).execute();
  }

  async connect(id: string): Promise<boolean> {
    const row = await this.#db
      .updateTable('chat_tasks')
      .set({ streamed: 1 })
      .where('id', '=', id)
      .where('streamed', '=', 0)
      .where('stopping', '=', 0)
      .returning('id')
      .executeTakeFirst();
    return row !== undefined;
  }

  watch(id: string, signal: AbortSignal): AsyncGenerator<ChatTaskState> {
    return this.#watching.watch(id, signal);
  }

  cut(id: string): void {
    void this.#work.stop(id, new TaskCut());
  }

  async tidy(): Promise<void> {
    const now = this.#clock.now();
    const dead = await this.#db
      .selectFrom('chat_tasks')
      .select(['id', 'content'])
      .where('status', 'in', unfinished)
      .where('lease_until', '<', now)
      .limit(DEAD_AT_ONCE)
      .execute();
    const error = 'The server was interrupted.';
    for (const { id, content } of dead)
      if (!this.#work.isRunning(id))
        await endTask(this.#parts(), id, { status: 'failed', content, complete: false, error });
    await this.#db
      .deleteFrom('chat_tasks')
      .where('ended_at', 'is not', null)
      .where(({ or, eb }) => or([eb('created_at', '<=', now - KEEP_MS), eb('stopping', '=', 1)]))
      .execute();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#work.close(new AppError('stopped', 'The server is going away.'));
    await this.#tidying?.stop();
  }

  /** Runs a task; afterwards watchers read its end from the database. */
  async #run(id: string, work: TaskWork, signal: AbortSignal): Promise<void> {
    try {
      await runChatTask({ ...this.#parts(), cut: (task) => this.cut(task) }, id, work, signal);
    } finally {
      this.#watching.forget(id);
    }
  }

  /** The parts that the run and the end of a task take. */
  #parts() {
    const [db, ledger, clock] = [this.#db, this.#ledger, this.#clock];
    return { db, ledger, clock, watching: this.#watching, onError: this.#onError };
  }
}

/** The row of a new task. */
function rowOf({ owner, chatId, type, rate, promptTokens }: NewChatTask, clock: Clock): ChatTasksTable {
  const createdAt = clock.now();
  return {
    id: clock.newId(),
    owner,
    chat_id: chatId,
    type,
    status: 'pending',
    content: '',
    error: null,
    rate,
    prompt_tokens: promptTokens,
    token_cost: null,
    streamed: 0,
    stopping: 0,
    lease_until: createdAt + TASK_LEASE_MS,
    created_at: createdAt,
    ended_at: null,
  };
}

/** The task of a row. */
function taskOf(row: ChatTasksTable): ChatTask {
  return {
    id: row.id,
    owner: row.owner,
    chatId: row.chat_id,
    type: row.type,
    status: row.status,
    content: row.content,
    error: row.error,
    tokenCost: row.token_cost,
    createdAt: row.created_at,
  };
}

/** The state of a task, for its watchers. */
function stateOf(task: ChatTask | undefined): ChatTaskState | undefined {
  if (!task) return undefined;
  const { status, content, error, tokenCost } = task;
  return { status, content, error, tokenCost };
}
