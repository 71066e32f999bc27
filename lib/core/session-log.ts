import type { Clock } from '../common/clock.ts';
import type { Feed } from './feed.ts';
import type { KeptSession } from './kept-session.ts';
import { logPages } from './log-pages.ts';
import type { Message, MessageAdded, MessageBody, TaskStatus } from './message.ts';
import type { Claim, Store, StoredTask, TaskChange } from './store.ts';
import { Transcript } from './transcript.ts';

/** A claimed log, and the places to which its lines go. */
export interface SessionLogOptions {
  stored: KeptSession;
  claim: Claim;
  store: Store;
  feed: Feed;
  clock: Clock;
  /** Called when a task's last line is committed, before any subscriber sees it. */
  onTaskEnded(taskId: string, status: TaskStatus): void;
  /** Called when a write fails: another node owns the session, or the store is down. Nothing can be written after it. */
  onLost(error: unknown): void;
}

/**
 * A session's log in the hands of its only writer: the one place that numbers a line, stores it, and publishes it.
 *
 * Contract: lines are numbered without gaps, committed before they are published, and published in their order.
 */
export class SessionLog {
  readonly #options: SessionLogOptions;
  readonly #id: string;
  readonly #epoch: number;
  #lastSeq: number;
  #lastTime: number;
  #lastAppend: Promise<unknown> = Promise.resolve();
  #transcript: Promise<Transcript> | undefined;
  /** User messages that are being appended while their task waits, by task id. */
  readonly #announcing = new Map<string, Promise<void>>();

  /** `firstLine`: the only line of a log that was just created; saves reading it. */
  constructor(options: SessionLogOptions, firstLine?: Message) {
    this.#options = options;
    this.#id = options.stored.id;
    const { epoch, lastSeq, lastTime } = options.claim;
    this.#epoch = epoch;
    this.#lastSeq = lastSeq;
    this.#lastTime = lastTime;
    if (firstLine) this.#transcript = Promise.resolve(Transcript.of([firstLine]));
  }

  /** The number of the last line. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** The time of the last committed line, in ms since the epoch. */
  get lastTime(): number {
    return this.#lastTime;
  }

  /** Appends lines; resolves with them when they are committed and published. `change` is committed with them. */
  append(bodies: readonly MessageBody[], change?: TaskChange): Promise<Message[]> {
    const appended = this.#append(bodies, change);
    this.#lastAppend = appended.catch(() => undefined); // the caller of append handles the failure
    return appended;
  }

  /** Appends the last line of a task, and ends it in the inbox with the questions that it has asked. */
  async endTask(task: StoredTask, end: MessageBody & { status: TaskStatus }): Promise<void> {
    const { taskId, settings, said } = task;
    const { status } = end;
    const transcript = await this.#transcript;
    const hasAsked = transcript?.hasAsked(taskId) ?? false;
    const lines: MessageBody[] = [end];
    const seq = status === 'failed' && settings?.input ? transcript?.unansweredSeq(taskId) : undefined;
    if (seq !== undefined) {
      const mark = { removed: true, ...(said && { metadata: said.metadata }) } as const;
      lines.push({ type: 'message_marked', of: [...settings!.input!, seq], part: 'said', mark });
    }
    await this.append(lines, { ended: taskId, status, ...(hasAsked && { hasAsked }) });
  }

  /** Resolves when everything that was appended so far is committed and published, or has failed. */
  async settled(): Promise<void> {
    await this.#lastAppend;
  }

  /** Begins the log anew: its first line is the system prompt again, and everything before it is deleted. */
  async restart(): Promise<void> {
    const { stored, store, feed, clock } = this.#options;
    const { systemPrompt } = stored.config;
    const line: Message = {
      type: 'session_started',
      systemPrompt,
      seq: (this.#lastSeq += 1),
      time: clock.now(),
    };
    this.#transcript = Promise.resolve(Transcript.of([line]));
    await this.commit(store.clear(this.#id, this.#epoch, line));
    this.#lastTime = line.time;
    feed.publish([line]);
  }

  /** The conversation so far; it is kept up to date. */
  transcript(): Promise<Transcript> {
    return (this.#transcript ??= this.commit(this.#readTranscript()));
  }

  /** Frees the transcript's memory; it is read again when it is needed. */
  forgetTranscript(): void {
    this.#transcript = undefined;
  }

  /** The store's work, with its failure reported to `onLost` as well as to the caller. */
  async commit<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.#options.onLost(error);
      throw error;
    }
  }

  /** Appends the user message of a task that has to wait, when that message is a line of its own: the message does not wait. */
  announce(task: StoredTask): void {
    if (!task.said) return;
    const announced = this.#announce(task)
      .catch(() => undefined) // `onLost` has received the failure
      .finally(() => this.#announcing.delete(task.taskId));
    this.#announcing.set(task.taskId, announced);
  }

  /** The lines with which a task begins. A user message that is a line of its own may be in the log already. */
  async openingOf(task: StoredTask): Promise<MessageBody[]> {
    const { taskId, form, content } = task;
    if (!task.said) return [{ type: 'task_started', taskId, form, content }];
    await this.#announcing.get(taskId);
    const started: MessageBody = { type: 'task_started', taskId, form, content: [], added: true };
    return (await this.#isSaid(taskId)) ? [started] : [userMessageOf(task), started];
  }

  async #readTranscript(): Promise<Transcript> {
    const transcript = Transcript.of([]);
    for await (const lines of logPages(this.#options.store, this.#id))
      for (const line of lines) transcript.add(line);
    return transcript;
  }

  async #append(bodies: readonly MessageBody[], change?: TaskChange): Promise<Message[]> {
    const { store, feed, clock, onTaskEnded } = this.#options;
    const time = clock.now();
    const lines = bodies.map((body): Message => ({ ...body, seq: (this.#lastSeq += 1), time }));
    await this.commit(store.append(this.#id, this.#epoch, lines, change));
    this.#lastTime = time;
    const transcript = await this.#transcript;
    if (change && 'ended' in change) onTaskEnded(change.ended, change.status);
    if (transcript) for (const line of lines) transcript.add(line);
    feed.publish(lines);
    return lines;
  }

  async #announce(task: StoredTask): Promise<void> {
    if (!(await this.#isSaid(task.taskId))) await this.append([userMessageOf(task)]);
  }

  async #isSaid(taskId: string): Promise<boolean> {
    const transcript = await this.transcript();
    return transcript.isAnnounced(taskId) || transcript.has(taskId);
  }
}

function userMessageOf({ taskId: id, content, said }: StoredTask): MessageAdded {
  const { attachments = [], metadata = {}, request } = said ?? {};
  const line = {
    type: 'message_added',
    id,
    run: true,
    role: 'user',
    content,
    attachments,
    metadata,
  } as const;
  return request ? { ...line, request } : line;
}
