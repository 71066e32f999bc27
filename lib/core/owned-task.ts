import { AppError } from '../errors.ts';
import type { Message, TaskStatus } from './message.ts';
import type { ObservedEnd, TaskObserver } from './observer.ts';
import type { StopReason, StoredTask } from './store.ts';
import type { TaskDeadline } from './task-deadline.ts';
import { bytesOf } from './task-size.ts';

/** Where a task is. The table at the head of owner.ts says how it gets there. */
export type TaskState =
  | 'waiting'
  | 'running'
  | 'calling'
  | 'stopping'
  | 'leaving'
  | 'detached'
  | 'ended'
  | 'left';

/** What moves a task. */
export type TaskEvent = 'slot_free' | 'calls_asked' | 'calls_done' | 'end' | 'run_over' | Ending;

/** Why a task is interrupted. `lost`: this node may not write to the session any more. */
export type Ending = StopReason | 'too_long' | 'leave' | 'clear' | 'lost';

const INTERRUPTED = {
  stop: 'stopping',
  estop: 'stopping',
  too_long: 'stopping',
  leave: 'leaving',
  clear: 'detached',
  lost: 'detached',
} as const;

const NEXT: Record<TaskState, Partial<Record<TaskEvent, TaskState>>> = {
  waiting: {
    slot_free: 'running',
    stop: 'ended',
    estop: 'ended',
    clear: 'ended',
    leave: 'left',
    lost: 'left',
  },
  running: { ...INTERRUPTED, calls_asked: 'calling', end: 'ended' },
  calling: { ...INTERRUPTED, calls_done: 'running', end: 'ended' },
  stopping: { end: 'ended', clear: 'detached', lost: 'detached' },
  leaving: { end: 'ended', run_over: 'left', clear: 'detached', lost: 'detached' },
  detached: { run_over: 'ended' },
  ended: {},
  left: {},
};

/** The state after an event; the same state when the event does not concern it. */
export function transition(state: TaskState, event: TaskEvent): TaskState {
  return NEXT[state][event] ?? state;
}

/** The event that a committed line is for its task. A task's last line is not among them: the log reports it before it is published. */
export function eventOf(line: Message): TaskEvent | undefined {
  if (line.type === 'model_reply' && line.calls.length > 0) return 'calls_asked';
  return line.type === 'tool_result' && line.roundDone ? 'calls_done' : undefined;
}

/** A task in the hands of its owner. */
export class OwnedTask {
  readonly task: StoredTask;
  /** The bytes of its content. */
  readonly bytes: number;
  readonly observer: TaskObserver;
  /** Resolves when the run is over; never rejects. */
  run: Promise<void> = Promise.resolve();
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  #state: TaskState = 'waiting';
  #ending: Ending | undefined;
  #deadline: TaskDeadline | undefined;
  /** Whether an earlier owner has begun the task, as far as this owner knows. */
  isInherited = true;
  /** The registered devices that the task may call; empty before its tools are open. */
  devices: readonly string[] = [];
  /** Work that a stop has to wait for. */
  readonly #stopWork: Promise<unknown>[] = [];

  constructor(task: StoredTask, timeoutMs: number, observer: TaskObserver) {
    this.task = task;
    this.observer = observer;
    this.bytes = bytesOf(task);
    this.#timeoutMs = timeoutMs;
  }

  get id(): string {
    return this.task.taskId;
  }

  get state(): TaskState {
    return this.#state;
  }

  /** Why the task was interrupted, if it was. The first reason stays. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** Whether the task is left to another owner, or to a log that begins anew: nothing more is said about it here. */
  get isLeft(): boolean {
    return this.#ending === 'leave' || this.#ending === 'lost' || this.#ending === 'clear';
  }

  /** Aborts when the task is interrupted. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  move(event: TaskEvent): void {
    this.#state = transition(this.#state, event);
  }

  /** Moves the task and aborts its run: nothing new is asked or sent for it. */
  interrupt(ending: Ending): void {
    this.#ending ??= ending;
    this.move(ending);
    this.#controller.abort(this.interruption(ending));
  }

  /** Gives the task a deadline, which does not run between `pauseDeadline` and `resumeDeadline`. */
  startDeadline(deadline: TaskDeadline): void {
    this.#deadline = deadline;
  }

  pauseDeadline(): void {
    this.#deadline?.pause();
  }

  resumeDeadline(): void {
    this.#deadline?.resume();
  }

  endDeadline(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  /** Makes a stop of the task wait for this work. */
  stopWaitsFor(work: Promise<unknown>): void {
    this.#stopWork.push(work.catch(() => undefined)); // the result of the call reports the failure
  }

  /** Resolves when the work that a stop waits for has ended. */
  async stopped(): Promise<void> {
    await Promise.all(this.#stopWork);
  }

  /** How a task leaves this node that has no last line here. */
  get end(): ObservedEnd {
    return this.#ending === 'clear' ? 'stopped' : 'left';
  }

  /** How a task ends whose run failed with this error: an interruption counts before what it made fail. */
  endBy(error: unknown): { status: TaskStatus; cause: unknown } {
    const isStopped = this.#ending === 'stop' || this.#ending === 'estop';
    return {
      status: isStopped ? 'stopped' : 'failed',
      cause: this.#ending === undefined ? error : this.interruption(this.#ending),
    };
  }

  /** The error of an interruption, as a client may see it. */
  interruption(ending: Ending): AppError {
    switch (ending) {
      case 'too_long':
        return new AppError('timeout', `The task was ended after ${this.#timeoutMs} ms (TASK_TIMEOUT_MS).`);
      case 'leave':
      case 'lost':
        return new AppError('stopped', 'The server is going away.');
      case 'estop':
        return new AppError('estop', 'An emergency stop ended the task.');
      case 'stop':
      case 'clear':
        return new AppError('stopped', 'The task was stopped.');
    }
  }
}
