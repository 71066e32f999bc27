/**
 * The owner of a session: it takes tasks, runs them, and is the only writer of the log. One node holds it at a time, under
 * an epoch that the store counts up when another node takes over.
 *
 * The life of a task on its owner:
 *
 *   state      event         written in one commit                    next state
 *   waiting    slot_free     task_started (new: and the inbox row)    running
 *   waiting    stop, estop,  task_ended stopped                       ended
 *              clear
 *   waiting    leave, lost   nothing                                  left
 *   running    calls_asked   model_reply with calls                   calling
 *   calling    calls_done    the last tool_result and its outcome     running
 *   running    end           model_reply and task_ended done, or      ended
 *   calling    end           task_ended failed                        ended
 *   calling    a question    question_asked; the deadline is paused   calling
 *   "          its answer    question_answered, or the result         calling
 *   "          stop, estop   the inbox says that the task is to stop  stopping
 *   "          too_long      nothing                                  stopping
 *   "          leave         nothing                                  leaving
 *   stopping   end           task_ended stopped, or failed            ended
 *   leaving    end           the last lines, when they came first     ended
 *   leaving    run_over      the results that came in time            left
 *   any        clear         task_ended stopped                       detached
 *   any        lost          nothing                                  detached
 *   detached   run_over      outcomes, in the journal only            ended
 *
 * `left` leaves the task to the next owner: it is still open in the inbox. A task whose decision is open when its owner
 * takes it becomes `calling` at once, and calls.ts says what becomes of each call. An event that a state does not list
 * changes nothing: a task that is stopping stays so until its last line is committed, with any event in between.
 */
import type { Clock } from '../common/clock.ts';
import { sleep } from '../common/deadline.ts';
import { AppError, failureFacts, isStoreFailure } from '../errors.ts';
import type { Command } from './command.ts';
import { ControlReader } from './controls.ts';
import { SharedEquipment, type Equipment } from './equipment.ts';
import type { Feed } from './feed.ts';
import { Journal } from './journal.ts';
import type { Message, MessageBody, TaskStatus } from './message.ts';
import { createOwnedRun } from './owned-run.ts';
import { eventOf, type OwnedTask } from './owned-task.ts';
import { Questions } from './questions.ts';
import type { TaskSettings } from './session-config.ts';
import { SessionLog } from './session-log.ts';
import type { Claim, ClaimedSession, Control, NoteBody, Store } from './store.ts';
import type { Queue, StopReason, StoredTask, TaskChange } from './store.ts';
import type { TaskLimits } from './task-context.ts';
import { TaskDeadline } from './task-deadline.ts';
import { TaskList, type TaskListOptions } from './task-list.ts';
import { beginTask, workTask, type TaskRun } from './task-run.ts';

/** The limits of the tasks of one owner. */
export interface OwnerLimits extends TaskLimits {
  /** How long a task may take, in ms. */
  taskTimeoutMs: number;
}

/** A claimed session, and everything that its owner needs of its surroundings. */
export interface OwnerOptions extends TaskListOptions {
  claim: Claim;
  store: Store;
  feed: Feed;
  clock: Clock;
  limits: OwnerLimits;
  command: Command;
  /** Opens the session's equipment; with the agent and the devices of a task in the place of its own. */
  equip(settings?: TaskSettings): Promise<Equipment>;
  /** The owner cannot write any more: another node took the session over, or the store failed. */
  onLost(error: unknown): void;
}

/** The working side of a session, on the one node that owns it. */
export class Owner {
  readonly epoch: number;
  readonly #options: OwnerOptions;
  readonly #log: SessionLog;
  readonly #journal: Journal;
  readonly #controls: ControlReader;
  readonly #tasks: TaskList;
  readonly #equipment: SharedEquipment;
  readonly #questions: Questions;
  #leaving = false;
  /** True while the log is emptied: no task begins then. */
  #clearing = false;

  /** `created`: equipment that is open already, and the only line of the log, of a session that was just created. */
  constructor(options: OwnerOptions, created?: { equipment: Equipment | undefined; firstLine: Message }) {
    const { stored, claim, store, clock } = options;
    this.#options = options;
    this.epoch = claim.epoch;
    const onTaskEnded = this.#onTaskEnded.bind(this);
    this.#log = new SessionLog({ ...options, onTaskEnded }, created?.firstLine);
    this.#journal = new Journal(store, stored.id, claim.epoch, clock);
    this.#controls = new ControlReader(store, stored.id, {
      take: (task) => this.take(task),
      isTaken: (taskId) => this.#tasks.wasTaken(taskId),
      obey: (control) => this.obey(control),
      isLeaving: () => this.#leaving,
    });
    this.#questions = new Questions(store);
    this.#tasks = new TaskList(options);
    this.#equipment = new SharedEquipment(() => options.equip(), created?.equipment);
  }

  /** The number of the log's last line. */
  get lastSeq(): number {
    return this.#log.lastSeq;
  }

  /** The time of the log's last line, in ms since the epoch. */
  get lastTime(): number {
    return this.#log.lastTime;
  }

  /** Whether a task runs or waits. */
  get isBusy(): boolean {
    return this.#tasks.isBusy;
  }

  /** The tasks that wait for a slot. */
  get queue(): Queue {
    return this.#tasks.queue;
  }

  /**
   * Begins a new task at once: its inbox row and its first line are one commit. Resolves with false when the task has to
   * wait, and nothing was done then.
   */
  async begin(task: StoredTask): Promise<boolean> {
    if (!this.#hasFreeSlot() || !this.#tasks.isNext(task.taskId)) return false;
    const owned = this.#tasks.add(task);
    owned.move('slot_free');
    const begun = beginTask(this.#runOf(owned), true);
    owned.run = begun.then(
      () => this.#work(owned),
      () => this.#finish(owned), // the caller handles the failure; the task was not accepted
    );
    await begun;
    return true;
  }

  /** Takes a task of the inbox; a known one is ignored. */
  take(task: StoredTask): void {
    if (this.#tasks.wasTaken(task.taskId)) return;
    const owned = this.#tasks.add(task);
    this.#startWaiting();
    if (owned.state === 'waiting') this.#log.announce(task);
  }

  /** Appends a line that belongs to no task. */
  async note(line: NoteBody): Promise<Message> {
    return (await this.#log.append([line]))[0]!;
  }

  /** Reads the tasks, controls and answers that came to other nodes, and does what they say. */
  async refresh(): Promise<void> {
    await Promise.all([this.#controls.read(), this.#questions.read()]);
  }

  /** Whether a call waits for an answer. */
  get isAsking(): boolean {
    return this.#questions.isWaiting;
  }

  /**
   * Ends the tasks that an emergency stop is for. Resolves when nothing new can be sent for them, also after a crash. `device`:
   * only the tasks that may call it.
   */
  halt(device?: string): Promise<void> {
    return this.#interruptAll(
      this.#tasks.all().filter(({ devices }) => device === undefined || devices.includes(device)),
      'estop',
    );
  }

  /** Does the work that was read together with the claim. Resolves when the tasks run: the log was read for them. */
  async accept({ tasks, controls }: Pick<ClaimedSession, 'tasks' | 'controls'>): Promise<void> {
    await this.#controls.pass(tasks, controls);
    if (this.isBusy) await this.#log.transcript();
  }

  /** Does what a client wants of the session. Resolves when it holds also after a crash. */
  async obey(control: Control): Promise<void> {
    switch (control.kind) {
      case 'note':
        await this.note(control.line);
        return;
      case 'stop':
        return this.#stop(control.taskId);
      case 'clear':
        return this.#clear();
    }
  }

  /** Frees the memory that can be loaded again. Does nothing while a task runs or waits. */
  forget(): void {
    if (this.#tasks.size > 0) return;
    this.#log.forgetTranscript();
    this.#tasks.clear();
    this.#equipment.close();
  }

  /**
   * Ends the ownership for a reason of this node: the model is aborted, and calls that have left are awaited for `withinMs`
   * (without a bound when missing). Results that come in time are appended, and the next owner goes on from there.
   */
  leave(withinMs?: number): Promise<void> {
    return this.#quit('leave', withinMs);
  }

  /** Ends the ownership when this node may not write any more. Outcomes of calls still go to the journal. */
  abandon(): Promise<void> {
    return this.#quit('lost');
  }

  // ── the steps of the state machine ──

  /** Whether another task may begin. */
  #hasFreeSlot(): boolean {
    if (this.#leaving || this.#clearing) return false;
    const { taskStrategy } = this.#options.stored.config;
    return taskStrategy === 'parallel' || this.#tasks.isSlotFree;
  }

  #startWaiting(): void {
    for (const owned of this.#tasks.waiting()) {
      if (!this.#hasFreeSlot()) return;
      owned.move('slot_free');
      if (owned.task.stopping) owned.interrupt(owned.task.stopping);
      owned.run = beginTask(this.#runOf(owned), false).then(
        () => this.#work(owned),
        (error: unknown) => this.#fail(owned, error).then(() => this.#finish(owned)),
      );
    }
  }

  /** Works a task that has begun. Never rejects: a failure is the task's last line. */
  async #work(owned: OwnedTask): Promise<void> {
    const { clock, limits } = this.#options;
    owned.startDeadline(new TaskDeadline(clock, limits.taskTimeoutMs, () => owned.interrupt('too_long')));
    try {
      const transcript = await this.#log.transcript();
      if (transcript.openDecision(owned.id)) owned.move('calls_asked');
      await workTask(this.#runOf(owned));
    } catch (error) {
      await this.#fail(owned, error);
    } finally {
      owned.endDeadline();
      this.#finish(owned);
    }
  }

  /** The run of a task is over: its slot is free. */
  #finish(owned: OwnedTask): void {
    owned.move('run_over');
    this.#tasks.remove(owned);
    this.#startWaiting();
  }

  /** Appends the last line of a task that gave no answer, if it is this owner's to end. After a failure of the database the task goes on under a new claim. */
  async #fail(owned: OwnedTask, error: unknown): Promise<void> {
    if (owned.ending === undefined && isStoreFailure(error)) this.#options.onLost(error);
    if (owned.state === 'detached' || owned.state === 'leaving') return;
    const { status, cause } = owned.endBy(error);
    await this.#end(owned, status, cause).catch(() => undefined); // `onLost` has received the failure
  }

  async #end({ id: taskId, task }: OwnedTask, status: TaskStatus, error?: unknown): Promise<void> {
    const known =
      error instanceof AppError ? error : new AppError('internal', 'The server failed.', { cause: error });
    const isTold = status === 'failed' || known.code === 'estop';
    const shown = isTold && { error: failureFacts(known) };
    await this.#log.endTask(task, { type: 'task_ended', taskId, status, ...shown });
  }

  /** A task's last line is committed, and no subscriber has seen it: a subscriber may send the next task at once. */
  #onTaskEnded(taskId: string, status: TaskStatus): void {
    const owned = this.#tasks.find(taskId);
    if (!owned || owned.state === 'detached') return;
    owned.move('end');
    this.#tasks.remove(owned, status);
  }

  /** Stops one task, or all. Resolves when nothing new can be sent, also after a crash. */
  async #stop(taskId?: string): Promise<void> {
    const { store, stored } = this.#options;
    const wasIdle = this.#tasks.size === 0;
    const work = [
      this.#interruptAll(
        this.#tasks.all().filter(({ task }) => taskId === undefined || task.taskId === taskId),
        'stop',
      ),
    ];
    // A task that is not here is marked as well, so that a node that was replaced learns of it by the refusal.
    if (taskId !== undefined && !this.#tasks.find(taskId))
      work.push(this.#log.commit(store.markStopping(stored.id, this.epoch, [taskId], 'stop')));
    else if (wasIdle)
      work.push(
        this.#log.append([{ type: 'task_ended', taskId: null, status: 'stopped' }]).then(() => undefined),
      );
    await Promise.all([...work, this.#log.settled()]);
  }

  /** Interrupts tasks. Resolves when nothing new can be sent for them, also after a crash. */
  async #interruptAll(tasks: readonly OwnedTask[], reason: StopReason): Promise<void> {
    const work: Promise<unknown>[] = [];
    const running: string[] = [];
    for (const owned of tasks) {
      if (owned.state === 'detached') continue;
      if (owned.state === 'waiting') work.push(this.#drop(owned, reason));
      else {
        owned.interrupt(reason);
        work.push(owned.stopped());
        running.push(owned.id);
      }
    }
    // Calls on the wire may take long: a crash before they are back must not bring the tasks back.
    const { store, stored } = this.#options;
    if (running.length > 0)
      work.push(this.#log.commit(store.markStopping(stored.id, this.epoch, running, reason)));
    await Promise.all([...work, this.#log.settled()]);
  }

  /** Ends a task that waits. */
  #drop(owned: OwnedTask, ending: StopReason | 'clear'): Promise<void> {
    owned.move(ending);
    this.#tasks.remove(owned, 'stopped');
    return this.#end(owned, 'stopped', ending === 'estop' ? owned.interruption('estop') : undefined);
  }

  /** Ends every task, then begins the log anew. Calls on the wire are not awaited: their outcome goes to the journal only. */
  async #clear(): Promise<void> {
    this.#clearing = true;
    try {
      const ends: Promise<void>[] = [];
      for (const owned of this.#tasks.all()) {
        if (owned.state === 'detached') continue;
        if (owned.state === 'waiting') {
          ends.push(this.#drop(owned, 'clear'));
          continue;
        }
        owned.interrupt('clear');
        ends.push(owned.stopped(), this.#end(owned, 'stopped'));
      }
      await Promise.all(ends);
      await this.#log.restart();
    } finally {
      this.#clearing = false;
    }
    this.#startWaiting();
  }

  async #quit(ending: 'leave' | 'lost', withinMs?: number): Promise<void> {
    this.#leaving = true;
    const runs: Promise<void>[] = [];
    for (const owned of this.#tasks.all()) {
      runs.push(owned.run);
      owned.interrupt(ending);
    }
    const over: Promise<unknown>[] = [Promise.all(runs)];
    if (withinMs !== undefined) over.push(sleep(withinMs, undefined, this.#options.clock));
    await Promise.race(over);
    for (const owned of this.#tasks.all()) owned.move('lost');
    this.#tasks.clear();
    this.forget();
  }

  // ── what a task's run is given ──

  #runOf(owned: OwnedTask): TaskRun {
    return createOwnedRun(owned, {
      ...this.#options,
      log: this.#log,
      journal: this.#journal,
      questions: this.#questions,
      sharedEquipment: this.#equipment,
      append: (bodies, change) => this.#append(owned, bodies, change),
    });
  }

  async #append(owned: OwnedTask, bodies: readonly MessageBody[], change?: TaskChange): Promise<Message[]> {
    if (owned.state === 'detached') throw owned.interruption(owned.ending ?? 'lost');
    const lines = await this.#log.append(bodies, change);
    for (const line of lines) {
      const event = eventOf(line);
      if (event) owned.move(event);
    }
    return lines;
  }
}
