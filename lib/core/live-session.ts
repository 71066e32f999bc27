import type { JsonObject } from '../common/json.ts';
import { AppError } from '../errors.ts';
import { OWNER_TIMEOUT_MS } from './controls.ts';
import { Feed } from './feed.ts';
import { readWholeConfig, type KeptSession } from './kept-session.ts';
import { logPages } from './log-pages.ts';
import type { Mark, Message, MessageAdded, MessagePart, ToolResult } from './message.ts';
import type { OwnerLimits } from './owner.ts';
import { Ownership, type CreatedSession, type OwnershipOptions } from './ownership.ts';
import { QueueEntrance, type QueueLimits } from './queue-entrance.ts';
import type { KeptConfig, SessionConfig } from './session-config.ts';
import type { AcceptedTask, EndReason, NewMessage, NewTask, Session, Subscriber } from './session.ts';
import { isReplaced, type ClaimedSession, type Store, type StoredTask } from './store.ts';
import { until } from './until.ts';

/** The limits of one session. */
export type LiveSessionLimits = OwnerLimits & QueueLimits;

/** A session, and everything that it needs of its surroundings. */
export interface LiveSessionOptions extends OwnershipOptions {
  /** The number of the log's last line. */
  lastSeq: number;
  limits: LiveSessionLimits;
}

/**
 * A session in the memory of this node: its subscribers, and its owner while this node owns it. What only the owner may
 * do is passed to the owner, on this node or, through the store, on another.
 */
export class LiveSession implements Session {
  readonly stored: KeptSession;
  readonly #options: LiveSessionOptions;
  readonly #store: Store;
  readonly #feed: Feed;
  readonly #ownership: Ownership;
  #touchedAt: number;
  readonly #entrance: QueueEntrance;

  constructor(options: LiveSessionOptions, created?: CreatedSession) {
    const { stored, lastSeq, store, clock, onError } = options;
    this.stored = stored;
    this.#options = options;
    this.#store = store;
    this.#touchedAt = clock.now();
    const read = (after: number): ReturnType<Store['readPage']> => store.readPage(stored.id, after);
    this.#feed = new Feed({ read, lastSeq, readLastSeq: () => this.#readLastSeq(), onError });
    this.#ownership = new Ownership(options, this.#feed, created);
    this.#entrance = new QueueEntrance(store, stored.id, options.limits);
  }

  // What a client may do (contract: Session).

  get id(): string {
    return this.stored.id;
  }

  get config(): KeptConfig {
    return this.stored.config;
  }

  wholeConfig(): Promise<SessionConfig> {
    return readWholeConfig(this.#store, this.stored);
  }

  get createdAt(): number {
    return this.stored.createdAt;
  }

  attributes(): Promise<JsonObject> {
    return this.#store.attributes(this.id);
  }

  setAttributes(attributes: JsonObject): Promise<void> {
    return this.#store.setAttributes(this.id, attributes);
  }

  async submit({ fresh, taskId, ...said }: NewTask): Promise<AcceptedTask> {
    if (this.#ownership.isLeaving) throw goingAway();
    const task: StoredTask = { ...said, taskId: taskId ?? this.#options.clock.newId() };
    const seq = this.#ownership.owner?.lastSeq ?? (await this.#readLastSeq());
    // No other node can know a new task: it needs no look into the inbox, and may begin with the commit that stores it.
    const isNew = fresh ?? taskId === undefined;
    if (isNew && (await this.#beginNow(task))) return { taskId: task.taskId, seq };
    const enter = await this.#entrance.reserve(task, isNew, this.#ownership.owner?.queue);
    try {
      if ((await this.#enqueue(task)) === 'same') return { taskId: task.taskId, seq: 0 };
      (await this.#ownership.claim())?.take(task);
      return { taskId: task.taskId, seq };
    } finally {
      enter();
    }
  }

  async add(message: NewMessage): Promise<Message & MessageAdded> {
    const id = this.#options.clock.newId();
    const line: MessageAdded = { type: 'message_added', id, ...message };
    const owner = await this.#ownership.claim();
    if (owner && !message.run) return (await owner.note(line)) as Message & MessageAdded;
    const arrival = this.#waitForLine(id, owner ? owner.lastSeq : await this.#readLastSeq());
    try {
      if (message.run) await this.submit(taskOf(id, message));
      else await this.#store.addControl(this.id, { kind: 'note', line });
    } catch (error) {
      arrival.fail(error);
    }
    return arrival.found;
  }

  mark(of: number[], part: MessagePart, mark: Mark): Promise<void> {
    return this.#ownership.command({ kind: 'note', line: { type: 'message_marked', of, part, mark } });
  }

  pages(): AsyncIterable<Message[]> {
    return logPages(this.#store, this.id);
  }

  read(from: { after: number } | { before: number }, limit: number): Promise<Message[]> {
    return 'after' in from
      ? this.#store.read(this.id, from.after, limit)
      : this.#store.readBack(this.id, from.before, limit);
  }

  readonly idleSeq = (): number | undefined => this.#ownership.idleSeq;

  readonly spokenText = (taskId: string): string => this.#feed.spokenText(taskId);

  subscribe(subscriber: Subscriber, after?: number): () => void {
    return this.#feed.subscribe(subscriber, after);
  }

  async answer(questionId: string, result: ToolResult): Promise<void> {
    const answered = await this.#store.answer(this.id, questionId, { kind: 'result', result });
    if (answered === undefined) throw new AppError('not_found', 'No call waits for this result.');
    if (answered !== 'taken') throw new AppError('conflict', 'The call has a result already.');
    this.wake();
  }

  stop(taskId?: string): Promise<void> {
    return this.#ownership.command(taskId === undefined ? { kind: 'stop' } : { kind: 'stop', taskId });
  }

  clear(): Promise<void> {
    return this.#ownership.command({ kind: 'clear' });
  }

  // What the registry and the upkeep need.

  /** The epoch under which this node owns the session; undefined while it does not. */
  get epoch(): number | undefined {
    return this.#ownership.owner?.epoch;
  }

  /** Whether a task runs or waits here. */
  get isBusy(): boolean {
    return this.#ownership.owner?.isBusy ?? false;
  }

  /** Whether a call here waits for an answer. */
  get isAsking(): boolean {
    return this.#ownership.owner?.isAsking ?? false;
  }

  /** Ends the tasks here that an emergency stop is for; `device`: only those that may call it. */
  async halt(device?: string): Promise<void> {
    await this.#ownership.owner?.halt(device);
  }

  /** Whether this node lost the session through a failure, so that it has to try to claim it again. */
  get isLost(): boolean {
    return this.#ownership.isLost;
  }

  /** The number of the last line that this node knows of. */
  get lastSeq(): number {
    return this.#feed.lastSeq;
  }

  get isWatched(): boolean {
    return this.#feed.subscriberCount > 0;
  }

  /** The time of the last line, in ms since the epoch; 0 while this node does not own the session. */
  get writtenAt(): number {
    return this.#ownership.owner?.lastTime ?? 0;
  }

  /** When the session was last used here, in ms since the epoch. */
  get usedAt(): number {
    return Math.max(this.#touchedAt, this.writtenAt);
  }

  /** Becomes the owner if no node is, and works on open tasks and controls. True when this node owns the session then. */
  async takeOver(): Promise<boolean> {
    return (await this.#ownership.claim()) !== undefined;
  }

  /** Takes a claim that this node has made for the session, with the work that waited for an owner. */
  adopt(claimed: ClaimedSession): Promise<void> {
    return this.#ownership.adopt(claimed);
  }

  /** Another node has written to the session, or may have. */
  wake(): void {
    this.#ownership.wake();
  }

  /** Gives the ownership up because another node has it now. */
  abandon(): void {
    this.#ownership.abandon();
  }

  /** Gives the ownership back while nothing runs. Does nothing while a task runs or waits. */
  release(): Promise<void> {
    return this.#ownership.release();
  }

  /**
   * Notes that a client uses the session. A subscriber that comes after it without a position gets only newer lines, also
   * when another node wrote the last ones. False: the session is gone.
   */
  async touch(): Promise<boolean> {
    this.#touchedAt = this.#options.clock.now();
    if (this.#ownership.owner || this.isWatched || !this.#store.shared) return true;
    const seq = await this.#readLastSeq();
    this.#feed.advanceTo(seq);
    return seq > 0;
  }

  /**
   * Ends the session on this node: nothing new is sent, and the subscribers are ended for this reason. With `draining`,
   * calls that have left are awaited for `withinMs` and their results are appended, and another node may go on.
   */
  async leave(reason: EndReason, withinMs?: number): Promise<void> {
    await this.#ownership.leave(reason === 'draining', withinMs);
    this.#feed.end(reason);
    await Promise.all([this.#ownership.settled(), this.#feed.settled()]);
  }

  // Steps.

  async #readLastSeq(): Promise<number> {
    return (await this.#store.lastSeqs([this.id])).get(this.id) ?? 0;
  }

  /** False when the task cannot begin at once here, also when another node turns out to own the session by now. */
  async #beginNow(task: StoredTask): Promise<boolean> {
    try {
      return (await this.#ownership.owner?.begin(task)) ?? false;
    } catch (error) {
      if (isReplaced(error)) return false;
      throw error;
    }
  }

  async #enqueue(task: StoredTask): Promise<'new' | 'same'> {
    const isAlone = this.stored.config.taskStrategy === 'reject';
    const outcome = await this.#store.enqueue(this.id, task, isAlone);
    if (outcome === 'conflict')
      throw new AppError(
        'conflict',
        `The task "${task.taskId}" is known in this session with another content.`,
      );
    if (outcome === 'busy')
      throw new AppError(
        'task_rejected',
        'A task is open and this session takes one at a time (taskPipelineStrategy: reject).',
      );
    return outcome;
  }

  /** Waits for the line of a message that is handed in; rejects when it is not in the log in time. */
  #waitForLine(id: string, after: number) {
    const uncertain = (why: string): AppError =>
      new AppError('unavailable', `It is not sure yet that it was said: ${why}.`);
    const arrival = until<Message & MessageAdded>({
      subscribe: (subscriber, from) => this.#feed.subscribe(subscriber, from),
      after,
      find: (line) => (line.type === 'message_added' && line.id === id ? line : undefined),
      onEnd: (reason) => {
        throw uncertain(`the session ended (${reason})`);
      },
    });
    const cancel = this.#options.clock.startTimer(OWNER_TIMEOUT_MS, () =>
      arrival.fail(uncertain("the session's node does not answer")),
    );
    void arrival.found.then(cancel, cancel);
    return arrival;
  }
}

/** The task that answers a message which is a line of its own. It streams, so that lists of messages have its text early. */
function taskOf(taskId: string, { content, attachments, metadata }: NewMessage): NewTask {
  return { taskId, fresh: true, form: 'list', content, stream: true, said: { attachments, metadata } };
}

function goingAway(): AppError {
  return new AppError('unavailable', 'The server is going away; connect again.', { retryAfterSeconds: 1 });
}
