import { createPauses } from '../common/pauses.ts';
import type { Message } from './message.ts';
import type { Delta, EndReason, Subscriber } from './session.ts';

/** Some lines of a log, in order. `hasMore`: there may be others behind them. */
interface Page {
  lines: Message[];
  hasMore: boolean;
}

/** Where a feed reads its log, and where it begins. */
export interface FeedOptions {
  /** Reads some committed lines after a number. */
  read(after: number): Promise<Page>;
  /** The number of the log's last line now. */
  lastSeq: number;
  /** Reads that number from the store. */
  readLastSeq(): Promise<number>;
  /** Receives the error of a failed read; the subscription has been ended with `draining` then. */
  onError(error: unknown): void;
}

/** One subscription: a position in the log. */
interface Cursor {
  readonly subscriber: Subscriber;
  /** The number of the last line that was delivered. */
  seq: number;
  /** True while lines are read for the subscriber, or while it asks to wait. */
  isBusy: boolean;
  /** True when the store may hold lines that the feed does not know of. */
  isStale: boolean;
  /** True once it has seen every line there was. A `session_started` after that means that the log was emptied. */
  isLive: boolean;
}

/**
 * Delivers one session's log to its subscribers. A subscription is a cursor over the log: a line that is published goes at
 * once to every cursor that has all lines before it, and any other cursor reads from the store until it has caught up.
 * So replay and live delivery are one path, and a slow subscriber keeps nothing in memory.
 */
export class Feed {
  readonly #options: FeedOptions;
  readonly #cursors = new Set<Cursor>();
  /** The answers that are being spoken, by their tasks. */
  readonly #spoken = new Map<string, string>();
  #lastSeq: number;
  #reads = 0;
  #waitingForReads: (() => void)[] = [];

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#lastSeq = options.lastSeq;
  }

  /** The number of the last line that the feed knows of. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  get subscriberCount(): number {
    return this.#cursors.size;
  }

  /** Delivers new lines. They are committed, and follow the last published line. */
  publish(lines: readonly Message[]): void {
    const [first] = lines;
    if (!first) return;
    this.#lastSeq = lines[lines.length - 1]!.seq;
    if (this.#spoken.size > 0) for (const line of lines) this.#endSpoken(line);
    for (const cursor of this.#cursors) {
      if (cursor.isBusy) continue;
      if (cursor.seq === first.seq - 1) {
        const wait = this.#deliver(cursor, lines);
        if (wait) void this.#catchUp(cursor, wait);
      } else void this.#catchUp(cursor);
    }
  }

  /** The text so far of the reply that a task's model is speaking here; empty while it speaks none. */
  spokenText(taskId: string): string {
    return this.#spoken.get(taskId) ?? '';
  }

  /** Delivers partial text to the subscribers that have every line. */
  publishDelta(delta: Delta): void {
    const { taskId, kind, text, at } = delta;
    if (kind === 'answer') this.#spoken.set(taskId, this.spokenText(taskId).slice(0, at) + text);
    for (const cursor of this.#cursors)
      if (!cursor.isBusy && cursor.seq === this.#lastSeq) cursor.subscriber.delta(delta);
  }

  /** Makes every subscriber read on: another node may have appended lines. */
  refresh(): void {
    this.#spoken.clear(); // an answer that was spoken here may be in the log by now
    for (const cursor of this.#cursors) {
      cursor.isStale = true;
      if (!cursor.isBusy) void this.#catchUp(cursor);
    }
  }

  /** Notes the number of the log's last line, learned from the store: new subscriptions start there. */
  advanceTo(seq: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, seq);
  }

  /** Delivers every line after number `after` (new lines only when it is missing) until the returned function is called. */
  subscribe(subscriber: Subscriber, after = this.#lastSeq): () => void {
    const isStale = after < this.#lastSeq;
    const cursor: Cursor = { subscriber, seq: after, isBusy: false, isStale, isLive: !isStale };
    this.#cursors.add(cursor);
    if (isStale) void this.#catchUp(cursor);
    else if (after > this.#lastSeq) void this.#catchUp(cursor, this.#checkPosition(cursor));
    return () => {
      this.#cursors.delete(cursor);
    };
  }

  /** Ends every subscription. */
  end(reason: EndReason): void {
    const cursors = [...this.#cursors];
    this.#cursors.clear();
    for (const { subscriber } of cursors) subscriber.ended(reason);
  }

  /** Resolves when the store is not being read. */
  settled(): Promise<void> {
    if (this.#reads === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForReads.push(resolve));
  }

  /** A position after the end that this node knows of: another node may have written that line, or it does not exist. */
  async #checkPosition(cursor: Cursor): Promise<void> {
    this.advanceTo(await this.#options.readLastSeq());
    if (cursor.seq <= this.#lastSeq || !this.#cursors.has(cursor)) return;
    cursor.seq = this.#lastSeq;
    cursor.subscriber.positionUnknown?.();
  }

  /** A reply that is in the log is spoken no more. */
  #endSpoken(line: Message): void {
    if (line.type === 'session_started') this.#spoken.clear();
    if (line.type === 'model_reply' || line.type === 'task_ended') this.#spoken.delete(line.taskId ?? '');
  }

  #deliver(cursor: Cursor, lines: readonly Message[]): void | Promise<void> {
    const start = cursor.isLive ? lines.findLastIndex(({ type }) => type === 'session_started') : -1;
    if (start >= 0) return this.#endCleared(cursor, lines.slice(0, start));
    cursor.seq = lines[lines.length - 1]!.seq;
    return cursor.subscriber.messages(lines);
  }

  /** The log was emptied: the subscriber gets the lines before that, and its subscription ends. */
  #endCleared(cursor: Cursor, before: readonly Message[]): void {
    if (before.length > 0) void cursor.subscriber.messages(before);
    this.#cursors.delete(cursor);
    cursor.subscriber.ended('cleared');
  }

  /** Reads for one subscriber until it has every line. `wait` is the subscriber's own request to wait. */
  async #catchUp(cursor: Cursor, wait?: Promise<void>): Promise<void> {
    cursor.isBusy = true;
    const pause = createPauses();
    try {
      if (wait) await wait; // without it the first read begins at once
      while (this.#cursors.has(cursor) && (cursor.isStale || cursor.seq < this.#lastSeq)) {
        const turn = pause(); // many subscribers that are behind would hold the event loop together
        if (turn) await turn;
        else if (!(await this.#readPage(cursor))) break;
      }
      cursor.isLive = true;
    } catch (error) {
      this.#cursors.delete(cursor);
      this.#options.onError(error);
      cursor.subscriber.ended('draining');
    } finally {
      cursor.isBusy = false;
    }
  }

  /** Delivers one page. The page is not kept while the subscriber waits: it may have a megabyte, and many may wait. */
  #readPage(cursor: Cursor): Promise<boolean> {
    cursor.isStale = false;
    return this.#read(cursor.seq).then((page) => this.#deliverPage(cursor, page));
  }

  /** False when there is nothing more to read, though the log was said to be longer: it was emptied. */
  #deliverPage(cursor: Cursor, { lines, hasMore }: Page): boolean | Promise<boolean> {
    if (!this.#cursors.has(cursor)) return false;
    const last = lines[lines.length - 1];
    if (!last) return cursor.isStale;
    this.advanceTo(last.seq);
    cursor.isStale ||= hasMore;
    const delivered = this.#deliver(cursor, lines);
    return delivered ? delivered.then(() => true) : true;
  }

  async #read(after: number): Promise<Page> {
    this.#reads += 1;
    try {
      return await this.#options.read(after);
    } finally {
      this.#reads -= 1;
      if (this.#reads === 0) for (const resolve of this.#waitingForReads.splice(0)) resolve();
    }
  }
}
