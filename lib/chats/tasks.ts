import { v4 as newUuid } from 'uuid';
import type { Ledger } from '../credits/ledger.ts';
import { AppError, messageOf } from '../errors.ts';
import { creditsOf, endTask, unfinished, type TaskEnd } from './task-end.ts';
import type { ChatsDb, ChatTasksTable } from './schema.ts';
import { openTaskWatch, type TaskState } from './task-watch.ts';

/** A piece of work that a model does for a chat. */
export interface Task extends TaskState {
  id: string;
  owner: string;
  chatId: number;
  type: ChatTasksTable['type'];
  /** Ms since the epoch. */
  createdAt: number;
}

export interface NewTask {
  owner: string;
  chatId: number;
  type: ChatTasksTable['type'];
  /** Credits a token; 0: it costs nothing. */
  rate: number;
  /** Estimated. */
  promptTokens: number;
  maxTokens: number;
}

/** What a task does: tells what was said so far, and resolves with what came of it. Rejects with an AppError or the signal's reason. */
export type Work = (signal: AbortSignal, say: (text: string) => void) => Promise<Omit<TaskEnd, 'status'>>;

/**
 * Tasks of chats: they run by themselves, whoever watches.
 *
 * Contract:
 * - What a task may cost is held before it exists; it is settled or released once, when it ends, also after a crash.
 * - A task that was cut off (its client has gone, it was removed) ends as finished with what was said; one that failed, or
 *   whose process died, as failed. What was said is stored in the chat as incomplete then.
 * - An hour after its making it is forgotten.
 */
export interface Tasks {
  /** Makes a task and begins it; undefined when the owner's credits do not reach. */
  start(task: NewTask, work: Work): Promise<Task | undefined>;
  find(id: string): Promise<Task | undefined>;
  /** Ends it, if it has not, and forgets it. */
  remove(id: string): Promise<void>;
  /** The right to watch, which is given once. */
  connect(id: string): Promise<boolean>;
  /** Its states as they change, the last one when it has ended; ones that nobody took in time are left out. */
  watch(id: string, signal: AbortSignal): AsyncGenerator<TaskState>;
  /** Ends it with what was said so far, if it runs here. */
  cut(id: string): void;
  /** Takes up what processes left behind that are gone, and forgets what is old. */
  tidy(): Promise<void>;
  close(): Promise<void>;
}

export interface TasksOptions {
  db: ChatsDb;
  ledger: Ledger;
  /** No other process works on this database: what is unfinished at the start is nobody's. */
  alone: boolean;
  onError(error: unknown): void;
  /** Ms since the epoch. */
  now?: () => number;
}

const KEEP_MS = 3600_000;
/** How long a process that says nothing is believed to work on its tasks, and how often it says so. */
const LEASE_MS = 30_000;
const SAVE_EVERY_MS = 1000;
const TIDY_EVERY_MS = 15_000;

interface Running {
  controller: AbortController;
  done: Promise<void>;
}

/** Tasks over their table; what was left unfinished by this or another process is taken up first. */
export async function openTasks(options: TasksOptions): Promise<Tasks> {
  const { db, ledger, alone, onError, now = Date.now } = options;
  const running = new Map<string, Running>();
  const watching = openTaskWatch(async (id) => stateOf(await find(id)));
  let closed = false;
  const closing = new AppError('stopped', 'The server is going away.');

  async function find(id: string): Promise<Task | undefined> {
    const row = await db
      .selectFrom('chat_tasks')
      .selectAll()
      .where('id', '=', id)
      .where('stopping', '=', 0)
      .where('created_at', '>', now() - KEEP_MS)
      .executeTakeFirst();
    return (
      row && {
        id: row.id,
        owner: row.owner,
        chatId: row.chat_id,
        type: row.type,
        status: row.status,
        content: row.content,
        error: row.error,
        tokenCost: row.token_cost,
        createdAt: row.created_at,
      }
    );
  }

  const end = (id: string, how: TaskEnd) => endTask({ db, ledger, now }, id, how);

  async function run(id: string, work: Work, { signal }: AbortController): Promise<void> {
    let said = '';
    let saved = '';
    const save = async (): Promise<void> => {
      saved = said;
      const kept = await db
        .updateTable('chat_tasks')
        .set({ status: 'running', content: saved, lease_until: now() + LEASE_MS })
        .where('id', '=', id)
        .where('status', 'in', unfinished)
        .where('stopping', '=', 0)
        .returning('id')
        .executeTakeFirst();
      if (!kept) cut(id); // it was removed, or this process was taken for dead
    };
    let saving = save();
    const timer = setInterval(() => {
      saving = saving.then(save).catch(onError);
    }, SAVE_EVERY_MS);
    watching.tell(id, { status: 'running', content: '', error: null, tokenCost: null });
    let how: TaskEnd;
    try {
      await saving;
      const done = await work(signal, (text) => {
        said = text.replaceAll('\0', '');
        watching.tell(id, { status: 'running', content: said, error: null, tokenCost: null });
      });
      how = { status: 'finished', ...done };
    } catch (error) {
      how =
        signal.reason === CUT
          ? { status: 'finished', content: said, complete: false }
          : { status: 'failed', content: said, complete: false, error: told(error) };
      if (!(error instanceof AppError)) onError(error);
    } finally {
      clearInterval(timer);
    }
    await saving.catch(onError);
    const ended = await end(id, how);
    if (ended) watching.tell(id, ended);
  }

  function cut(id: string): void {
    running.get(id)?.controller.abort(CUT);
  }

  async function tidy(): Promise<void> {
    const dead = await db
      .selectFrom('chat_tasks')
      .select(['id', 'content'])
      .where('status', 'in', unfinished)
      .where('lease_until', '<', now())
      .limit(100)
      .execute();
    for (const { id, content } of dead) {
      if (running.has(id)) continue;
      const error = 'The server was interrupted.';
      await end(id, { status: 'failed', content, complete: false, error });
    }
    await db
      .deleteFrom('chat_tasks')
      .where('ended_at', 'is not', null)
      .where(({ or, eb }) => or([eb('created_at', '<=', now() - KEEP_MS), eb('stopping', '=', 1)]))
      .execute();
  }

  if (alone)
    await db.updateTable('chat_tasks').set({ lease_until: 0 }).where('status', 'in', unfinished).execute();
  await tidy();
  let tidying: Promise<void> | undefined;
  const timer = setInterval(() => {
    tidying ??= tidy()
      .catch(onError)
      .finally(() => (tidying = undefined));
  }, TIDY_EVERY_MS).unref();

  return {
    async start({ owner, chatId, type, rate, promptTokens, maxTokens }, work) {
      if (closed) throw new AppError('unavailable', 'The server is going away.', { retryAfterSeconds: 1 });
      const id = newUuid();
      const createdAt = now();
      const row: ChatTasksTable = {
        id,
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
        lease_until: createdAt + LEASE_MS,
        created_at: createdAt,
        ended_at: null,
      };
      const paid = await db.transaction().execute(async (trx) => {
        const amount = (promptTokens + maxTokens) * rate;
        if (amount > 0 && !(await ledger.hold(owner, amount, id, creditsOf(trx)))) return false;
        await trx.insertInto('chat_tasks').values(row).execute();
        return true;
      });
      if (!paid) return undefined;
      const controller = new AbortController();
      const done = run(id, work, controller)
        .catch(onError)
        .finally(() => {
          running.delete(id);
          watching.forget(id);
        });
      running.set(id, { controller, done });
      return {
        id,
        owner,
        chatId,
        type,
        createdAt,
        status: 'pending',
        content: '',
        error: null,
        tokenCost: null,
      };
    },

    find,
    cut,

    async remove(id) {
      await db.updateTable('chat_tasks').set({ stopping: 1 }).where('id', '=', id).execute();
      cut(id);
      await running.get(id)?.done;
      // One that another process works on ends there within a second, and is forgotten by the next tidying.
      await db.deleteFrom('chat_tasks').where('id', '=', id).where('ended_at', 'is not', null).execute();
    },

    async connect(id) {
      const row = await db
        .updateTable('chat_tasks')
        .set({ streamed: 1 })
        .where('id', '=', id)
        .where('streamed', '=', 0)
        .where('stopping', '=', 0)
        .returning('id')
        .executeTakeFirst();
      return row !== undefined;
    },

    watch: (id, signal) => watching.watch(id, signal),
    tidy,

    async close() {
      closed = true;
      clearInterval(timer);
      for (const { controller } of running.values()) controller.abort(closing);
      await Promise.all([...running.values()].map(({ done }) => done));
      await tidying;
    },
  };
}

/** Why a task is ended with what was said so far. */
const CUT = new AppError('stopped', 'The task was cut off.');

function stateOf(task: Task | undefined): TaskState | undefined {
  if (!task) return undefined;
  const { status, content, error, tokenCost } = task;
  return { status, content, error, tokenCost };
}

/** What may be told of a failure. */
function told(error: unknown): string {
  const text = error instanceof AppError ? messageOf(error) : 'The server failed.';
  return text.replaceAll('\0', '');
}
