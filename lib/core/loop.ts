import { AppError, messageOf, toError } from '../errors.ts';
import type { Feed } from './feed.ts';
import { openLog } from './log.ts';
import { createOpening } from './opening.ts';
import type { Message, MessageBody, TaskStatus } from './message.ts';
import type { Control, NoteBody, Claim, Store, StoredSession, StoredTask, TaskChange } from './store.ts';
import { permitFresh } from './permission.ts';
import { openRefresh } from './refresh.ts';
import { runTask } from './task.ts';
import type { TaskLimits } from './task.ts';
import { elapsed, LEAVING, stopped, tooLong, unlessAborted } from './endings.ts';
import { giveBack } from './equipment.ts';
import type { Equipment } from './equipment.ts';

export interface LoopLimits extends TaskLimits {
  taskTimeoutMs: number;
}

export interface LoopOptions {
  stored: StoredSession;
  standing: Claim;
  store: Store;
  feed: Feed;
  limits: LoopLimits;
  equip(): Promise<Equipment>;
  /** What `equip` would open, when it is open already. */
  equipment?: Equipment | undefined;
  /** The log's only line, when the session was just made. */
  first?: Message | undefined;
  /** All of the log, for the transcript. */
  readAll(): Promise<Message[]>;
  /** The loop cannot go on (another node took over, or the store failed). */
  lost(error: unknown): void;
}

/** A session's working side, on the one node that owns it: takes tasks, runs them, is the log's only writer. */
export interface Loop {
  readonly epoch: number;
  /** Whether a task runs or waits. */
  readonly busy: boolean;
  readonly waiting: number;
  /** The number and time (ms) of the last line. */
  readonly lastSeq: number;
  readonly activeAt: number;
  /** Starts a new task at once: its inbox row and first line are one commit. False when it has to wait: nothing was done. */
  begin(task: StoredTask): Promise<boolean>;
  /** A committed task; one that is known already is ignored. */
  take(task: StoredTask): void;
  /** Writes a line that belongs to no task's course. */
  note(line: NoteBody): Promise<Message>;
  /** Looks for tasks and controls that other nodes have written. */
  refresh(): Promise<void>;
  /** Does what somebody wants of the session's owner. */
  follow(control: Control): Promise<void>;
  /** Gives back what can be loaded again; nothing while a task runs. */
  rest(): void;
  /**
   * Starts nothing more, aborts the model, lets calls on the wire finish. `abandon`: their results are not logged; nor are
   * those that come later than `withinMs`, which nobody waits for.
   */
  leave(abandon: boolean, withinMs?: number): Promise<void>;
}

/** Who waits for a task's first line to be committed; `reject` says whether anybody still did. */
interface Begun {
  resolve(): void;
  reject(error: unknown): boolean;
}

interface Running {
  controller: AbortController;
  done: Promise<void>;
  /** What comes now goes to the journal only. */
  detached: boolean;
}

/** A loop over a session that was just claimed; `refresh` takes its open tasks up. */
export function openLoop(options: LoopOptions): Loop {
  const { stored, standing, store, feed, limits, equip } = options;
  const { id, config } = stored;
  const { epoch } = standing;
  const log = openLog({
    stored,
    standing,
    store,
    feed,
    first: options.first,
    readAll: options.readAll,
    lost: options.lost,
    ended(taskId) {
      if (!running.get(taskId)?.detached) running.delete(taskId);
    },
  });
  const opening = createOpening(log);
  let equipment = options.equipment && Promise.resolve(options.equipment);
  let leaving = false;
  /** Begins no task while the log is emptied. */
  let clearing = false;
  const queue: StoredTask[] = [];
  const running = new Map<string, Running>();
  /** Every task that was ever taken here, so that none is run again. */
  let taken = new Set<string>();

  function mayStart(): boolean {
    return !leaving && !clearing && (config.taskStrategy === 'parallel' || running.size === 0);
  }

  function pump(): void {
    while (queue.length > 0 && mayStart()) start(queue.shift()!);
  }

  function start(task: StoredTask, begun?: Begun): void {
    const run: Running = { controller: new AbortController(), done: Promise.resolve(), detached: false };
    running.set(task.taskId, run);
    run.done = work(task, run, begun).then(() => {
      running.delete(task.taskId);
      pump();
    });
  }

  /** Never rejects: a task's failure is its last line; a store's failure has been told to `lost`. */
  async function work(task: StoredTask, run: Running, begun?: Begun): Promise<void> {
    const { taskId } = task;
    const { signal } = run.controller;
    const late = (): void => run.controller.abort(tooLong(limits.taskTimeoutMs));
    const deadline = setTimeout(late, limits.taskTimeoutMs).unref();
    const say = (bodies: readonly MessageBody[], change?: TaskChange): Promise<Message[]> =>
      run.detached ? Promise.reject(stopped()) : log.append(bodies, change);
    if (task.stopping) run.controller.abort(stopped());
    let held: Promise<Equipment> | undefined;
    try {
      const known = await log.transcript();
      if (!known.has(taskId)) {
        signal.throwIfAborted();
        await say(await opening.of(task), begun && { began: task });
      }
      begun?.resolve();
      held = config.agent === undefined ? (equipment ??= equip()) : equip();
      // Also after a stop it is told what an open decision may have sent.
      const ready = known.openDecision(taskId) ? held : unlessAborted(held, signal);
      const { model, toolbox, messageToolbox, framing, toolStrategy } = await ready;
      const answer = await runTask({
        sessionId: id,
        taskId,
        model,
        toolbox: (task.said && messageToolbox?.()) || toolbox,
        toolStrategy: toolStrategy ?? config.toolStrategy,
        transcript: known,
        framing,
        limits,
        signal,
        append: (...bodies) => say(bodies),
        permit: (seq, { callId, name: tool }, { arguments: args }) =>
          log.written(permitFresh(store, id, epoch, { seq, taskId, callId, tool, arguments: args })),
        settle: (seq, { callId }, outcome) => log.written(store.settle(id, { seq, callId }, outcome)),
        ...(task.stream && { onDelta: (text: string) => feed.tellDelta({ taskId, text }) }),
      });
      const lines: MessageBody[] = [
        { type: 'model_reply', taskId, ...answer },
        { type: 'task_ended', taskId, status: 'done' },
      ];
      await say(lines, { ended: taskId, status: 'done' });
    } catch (error) {
      if (begun?.reject(error)) return;
      if (run.detached || signal.reason === LEAVING) return;
      await end(taskId, error).catch(() => undefined); // `lost` has been told by append
    } finally {
      clearTimeout(deadline);
      if (config.agent !== undefined) giveBack(held);
    }
  }

  async function end(taskId: string, error: unknown): Promise<void> {
    const known =
      error instanceof AppError ? error : new AppError('internal', 'The server failed.', { cause: error });
    const status: TaskStatus = known.code === 'stopped' ? 'stopped' : 'failed';
    const told = status === 'failed' ? { error: { code: known.code, message: messageOf(known) } } : {};
    await log.append([{ type: 'task_ended', taskId, status, ...told }], { ended: taskId, status });
  }

  function take(task: StoredTask): void {
    if (taken.has(task.taskId)) return;
    taken.add(task.taskId);
    queue.push(task);
    pump();
    if (queue.includes(task)) opening.announce(task);
  }

  async function begin(task: StoredTask): Promise<boolean> {
    if (queue.length > 0 || !mayStart()) return false;
    taken.add(task.taskId);
    await new Promise<void>((resolve, reject) => {
      let waiting = true;
      start(task, {
        resolve() {
          waiting = false;
          resolve();
        },
        reject(error) {
          if (waiting) reject(toError(error));
          return waiting;
        },
      });
    });
    return true;
  }

  async function stop(taskId?: string): Promise<void> {
    const meant = (key: string): boolean => taskId === undefined || key === taskId;
    const waiting = queue.filter((task) => meant(task.taskId));
    for (const task of waiting) queue.splice(queue.indexOf(task), 1);
    const ended = waiting.map((task) => end(task.taskId, stopped()));
    const stopping = [...running].filter(([key, run]) => !run.detached && meant(key));
    for (const [, run] of stopping) run.controller.abort(stopped());
    // Calls on the wire may take long yet: a crash meanwhile must not bring the tasks back.
    // One that is not here too, so that a node that was replaced finds out.
    const ids = taskId === undefined ? stopping.map(([key]) => key) : [taskId];
    ended.push(log.written(store.markStopping(id, epoch, ids)));
    if (taskId === undefined && running.size === 0 && waiting.length === 0)
      ended.push(log.append([{ type: 'task_ended', taskId: null, status: 'stopped' }]).then(() => undefined));
    await Promise.all([...ended, log.settled()]);
  }

  async function note(line: NoteBody): Promise<Message> {
    return (await log.append([line]))[0]!;
  }

  async function clear(): Promise<void> {
    clearing = true;
    try {
      const ended: Promise<void>[] = [];
      for (const [taskId, run] of running) {
        run.controller.abort(stopped());
        if (!run.detached) ended.push(end(taskId, stopped()));
        run.detached = true;
      }
      if (queue.length > 0) ended.push(stop());
      await Promise.all(ended);
      await log.clear();
    } finally {
      clearing = false;
    }
    pump();
  }

  async function follow(control: Control): Promise<void> {
    if (control.kind === 'note') await note(control.line);
    else await (control.kind === 'clear' ? clear() : stop(control.taskId));
  }

  function rest(): void {
    if (running.size > 0 || queue.length > 0) return;
    log.rest();
    taken = new Set();
    giveBack(equipment);
    equipment = undefined;
  }

  async function leave(abandon: boolean, withinMs?: number): Promise<void> {
    leaving = true;
    queue.length = 0;
    for (const run of running.values()) {
      run.detached ||= abandon;
      run.controller.abort(LEAVING);
    }
    const ends: Promise<unknown>[] = [Promise.all([...running.values()].map((run) => run.done))];
    if (withinMs !== undefined) ends.push(elapsed(withinMs));
    await Promise.race(ends);
    for (const run of running.values()) run.detached = true;
    running.clear();
    rest();
  }

  return {
    epoch,
    get busy() {
      return queue.length > 0 || [...running.values()].some((run) => !run.detached);
    },
    get waiting() {
      return queue.length;
    },
    get lastSeq() {
      return log.lastSeq;
    },
    get activeAt() {
      return log.lastTime;
    },
    begin,
    take,
    note,
    refresh: openRefresh(store, id, {
      take,
      follow,
      over: () => leaving,
    }),
    follow,
    rest,
    leave,
  };
}
