import { v4 as uuid } from 'uuid';
import { AppError, messageOf } from '../errors.ts';
import { openFeed } from './feed.ts';
import type { Message, MessageBody, TaskStatus } from './message.ts';
import type { Model } from './model.ts';
import type { AcceptedTask, EndReason, NewTask, Session } from './session.ts';
import type { Standing, Store, StoredSession, StoredTask, TaskEnd } from './store.ts';
import { runTask } from './task.ts';
import type { TaskLimits } from './task.ts';
import type { Toolbox } from './toolbox.ts';
import { openTranscript } from './transcript.ts';
import type { Transcript } from './transcript.ts';

/** What a session works with, opened from its configuration. `close` gives its documents back. */
export interface Equipment {
  model: Model;
  toolbox: Toolbox;
  close(): void;
}

export interface LiveLimits extends TaskLimits {
  taskTimeoutMs: number;
  queuedTasksMaxCount: number;
}

/** What a live session needs of its surroundings. */
export interface Surroundings {
  store: Store;
  equip(session: StoredSession): Promise<Equipment>;
  limits: LiveLimits;
  /** The session cannot go on in this process (it was taken over, or the store failed): forget it. */
  lost(error: unknown): void;
}

/** A session whose loop runs in this process. */
export interface LiveSession extends Session {
  readonly stored: StoredSession;
  /** True while it has a task, or somebody watches it. */
  readonly busy: boolean;
  readonly watched: boolean;
  /** The time of the last task or message, in ms. */
  readonly activeAt: number;
  /** Gives back what can be loaded again; only while no task runs. */
  rest(): void;
  /** Ends it here: nothing new is sent, calls on the wire finish and are logged, tasks stay unfinished in the store. */
  leave(reason: EndReason): Promise<void>;
}

interface Running {
  controller: AbortController;
  done: Promise<void>;
  /** Set by clear: what comes now goes to the journal only. */
  detached: boolean;
}

const PAGE = 500;

/** Brings a stored session to life; unfinished tasks go on at once. */
export function openLiveSession(
  stored: StoredSession,
  standing: Standing,
  around: Surroundings,
): LiveSession {
  const { id, config } = stored;
  const { store, limits } = around;
  const { epoch } = standing;
  let { lastSeq } = standing;
  let activeAt = standing.lastTime;
  let transcript: Promise<Transcript> | undefined;
  let equipment: Promise<Equipment> | undefined;
  let leaving: EndReason | undefined;
  const queue: StoredTask[] = [...standing.tasks];
  const running = new Map<string, Running>();
  const feed = openFeed(
    (after, limit) => store.read(id, after, limit),
    lastSeq,
    (error) => around.lost(error),
  );

  /** The one place that makes a message: numbers it, stores it, tells the followers. */
  async function append(bodies: readonly MessageBody[], ended?: TaskEnd): Promise<Message[]> {
    const time = Date.now();
    const messages = bodies.map((body): Message => ({ ...body, seq: (lastSeq += 1), time }));
    try {
      await store.append(id, epoch, messages, ended);
    } catch (error) {
      around.lost(error);
      throw error;
    }
    activeAt = time;
    const known = await transcript;
    if (known) for (const message of messages) known.add(message);
    feed.tell(messages);
    return messages;
  }

  async function readAll(): Promise<Message[]> {
    const all: Message[] = [];
    for (;;) {
      const batch = await store.read(id, all.at(-1)?.seq ?? 0, PAGE);
      all.push(...batch);
      if (batch.length < PAGE) return all;
    }
  }

  async function loadTranscript(): Promise<Transcript> {
    const loaded = openTranscript();
    for (const message of await readAll()) loaded.add(message);
    return loaded;
  }

  function pump(): void {
    while (!leaving && queue.length > 0 && (config.taskStrategy === 'parallel' || running.size === 0)) {
      const task = queue.shift()!;
      const run: Running = { controller: new AbortController(), done: Promise.resolve(), detached: false };
      running.set(task.taskId, run);
      run.done = work(task, run).then(() => {
        running.delete(task.taskId);
        pump();
      });
    }
  }

  /** Never rejects: a task's failure is its last line; a store's failure has been told to `lost`. */
  async function work(task: StoredTask, run: Running): Promise<void> {
    const { taskId } = task;
    const { signal } = run.controller;
    const deadline = setTimeout(
      () =>
        run.controller.abort(
          new AppError('timeout', `The task was ended after ${limits.taskTimeoutMs} ms (TASK_TIMEOUT_MS).`),
        ),
      limits.taskTimeoutMs,
    ).unref();
    const say = (bodies: readonly MessageBody[], ended?: TaskEnd): Promise<Message[]> =>
      run.detached ? Promise.reject(stopped()) : append(bodies, ended);
    try {
      const known = await (transcript ??= loadTranscript());
      if (!known.has(taskId))
        await say([{ type: 'task_started', taskId, form: task.form, content: task.content }]);
      const { model, toolbox } = await (equipment ??= around.equip(stored));
      const answer = await runTask({
        taskId,
        model,
        toolbox,
        toolStrategy: config.toolStrategy,
        transcript: known,
        limits,
        signal,
        append: (...bodies) => say(bodies),
        permit: (seq, call, checked) =>
          store.permit(id, epoch, {
            seq,
            taskId,
            callId: call.callId,
            tool: call.name,
            arguments: checked.arguments,
          }),
        settle: (seq, call, outcome) => store.settle(id, { seq, callId: call.callId }, outcome),
        ...(task.stream && { onDelta: (text: string) => feed.tellDelta({ taskId, text }) }),
      });
      await say(
        [
          { type: 'model_reply', taskId, ...answer },
          { type: 'task_ended', taskId, status: 'done' },
        ],
        {
          taskId,
          status: 'done',
        },
      );
    } catch (error) {
      if (run.detached || signal.reason === LEAVING) return;
      await fail(taskId, error).catch(() => undefined); // the store's failure was told to `lost` by append
    } finally {
      clearTimeout(deadline);
    }
  }

  async function fail(taskId: string, error: unknown): Promise<void> {
    const known =
      error instanceof AppError ? error : new AppError('internal', 'The server failed.', { cause: error });
    const status: TaskStatus = known.code === 'stopped' ? 'stopped' : 'failed';
    const told = status === 'failed' ? { error: { code: known.code, message: messageOf(known) } } : {};
    await append([{ type: 'task_ended', taskId, status, ...told }], { taskId, status });
  }

  async function submit(input: NewTask): Promise<AcceptedTask> {
    const task: StoredTask = { ...input, taskId: input.taskId ?? uuid() };
    const { taskId } = task;
    const accepted = { taskId, seq: lastSeq };
    if (leaving)
      throw new AppError('unavailable', 'The server is going away; connect again.', { retryAfterSeconds: 1 });
    if (config.taskStrategy === 'reject' && running.size + queue.length > 0) {
      const known = await store.recognise(id, task);
      if (known === 'unknown')
        throw new AppError(
          'task_rejected',
          'A task is running and this session takes one at a time (taskPipelineStrategy: reject).',
        );
      if (known === 'conflict') throw conflict(taskId);
      return accepted;
    }
    if (queue.length >= limits.queuedTasksMaxCount)
      throw new AppError(
        'limit_reached',
        `${queue.length} tasks wait in this session already (QUEUED_TASKS_MAX_COUNT).`,
      );
    const known = await store.enqueue(id, task);
    if (known === 'conflict') throw conflict(taskId);
    activeAt = Date.now();
    if (known === 'new') {
      queue.push(task);
      pump();
    }
    return accepted;
  }

  async function stop(taskId?: string): Promise<void> {
    const waiting = queue.filter((task) => taskId === undefined || task.taskId === taskId);
    for (const task of waiting) queue.splice(queue.indexOf(task), 1);
    const ended = waiting.map((task) => fail(task.taskId, stopped()));
    for (const [key, run] of running)
      if (taskId === undefined || key === taskId) run.controller.abort(stopped());
    if (taskId === undefined && running.size === 0 && waiting.length === 0)
      ended.push(append([{ type: 'task_ended', taskId: null, status: 'stopped' }]).then(() => undefined));
    await Promise.all(ended);
  }

  async function clear(): Promise<void> {
    const ended: Promise<void>[] = [];
    for (const [taskId, run] of running) {
      run.controller.abort(stopped());
      if (!run.detached) ended.push(fail(taskId, stopped()));
      run.detached = true;
    }
    if (queue.length > 0) ended.push(stop());
    await Promise.all(ended);
    const first: Message = {
      type: 'session_started',
      systemPrompt: config.systemPrompt,
      seq: (lastSeq += 1),
      time: Date.now(),
    };
    const fresh = openTranscript();
    fresh.add(first);
    transcript = Promise.resolve(fresh);
    try {
      await store.clear(id, epoch, first);
    } catch (error) {
      around.lost(error);
      throw error;
    }
    activeAt = first.time;
    feed.end('cleared');
    feed.tell([first]);
  }

  async function leave(reason: EndReason): Promise<void> {
    leaving = reason;
    for (const run of running.values()) {
      run.detached = reason !== 'draining';
      run.controller.abort(LEAVING);
    }
    await Promise.all([...running.values()].map((run) => run.done));
    feed.end(reason);
    rest();
  }

  function rest(): void {
    if (running.size > 0) return;
    transcript = undefined;
    equipment?.then((held) => held.close()).catch(() => undefined); // what could not be opened holds nothing
    equipment = undefined;
  }

  pump();
  return {
    id,
    stored,
    get busy() {
      return running.size > 0 || queue.length > 0;
    },
    get watched() {
      return feed.size > 0;
    },
    get activeAt() {
      return activeAt;
    },
    submit,
    history: readAll,
    follow: (follower, after = lastSeq) => feed.follow(follower, after),
    stop,
    clear,
    rest,
    leave,
  };
}

const LEAVING = new AppError('stopped', 'The server is going away.');

function stopped(): AppError {
  return new AppError('stopped', 'The task was stopped.');
}

function conflict(taskId: string): AppError {
  return new AppError('conflict', `The task "${taskId}" is known in this session with another content.`);
}
