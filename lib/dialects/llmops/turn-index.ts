import { LRUCache } from 'lru-cache';
import type { Message, MessagePart } from '../../core/message.ts';
import type { Session } from '../../core/session.ts';
import { turnsOf, type Turn } from '../../core/turns.ts';

/** A turn of a conversation, by the numbers of its lines in the log; 0 where there is no such line. */
interface TurnEntry {
  taskId: string;
  /** Ms since the epoch. */
  startedAt: number;
  /** The first and the latest line of the turn, the user message included. */
  first: number;
  last: number;
  /** The line of the user message, and that of the answer. */
  said: number;
  answer: number;
  isDone: boolean;
  /** The user message or the answer was removed: the turn is in no list then. */
  isRemoved: boolean;
}

/** How many conversations an index is kept for. An index is derived from the log, and is read again after it was evicted. */
const INDEXES_MAX_COUNT = 1000;
/** Lines that are read at once while an index is brought up to date. */
const LINES_MAX_COUNT = 500;

/** Finds the index of a conversation. Evicts those that were not used for longest. */
export function createTurnIndexes(): (session: Session) => TurnIndex {
  const indexes = new LRUCache<string, TurnIndex>({ max: INDEXES_MAX_COUNT });
  return (session) => {
    // A session that was removed may be made again with the same id, and its log begins with number 1 again.
    const key = `${session.id} ${session.createdAt}`;
    const index = indexes.get(key) ?? new TurnIndex();
    indexes.set(key, index);
    return index.on(session);
  };
}

/**
 * Where the turns of one conversation are in its log. A page needs the number of all turns (contract 3), but the lines of
 * its own turns only: so the index keeps a few numbers for each turn, and reads each line of the log once.
 */
export class TurnIndex {
  #session!: Session;
  readonly #entries = new Map<string, TurnEntry>();
  /** Messages that wait for the task that answers them. */
  readonly #added = new Map<string, Pick<Message, 'seq' | 'marks'>>();
  /** The number of the last line that was read. */
  #end = 0;
  /** The last refresh. The next one waits for it. */
  #reading: Promise<void> = Promise.resolve();

  /** The same index, over this object of its session: a session that was evicted comes back as another object. */
  on(session: Session): this {
    this.#session = session;
    return this;
  }

  /** Turns that were answered before a time and not removed, newest first, and how many there are in all. */
  async page(before: number, offset: number, size: number): Promise<{ turns: Turn[]; total: number }> {
    await this.#refresh();
    const shown = [...this.#entries.values()].filter((entry) => isShown(entry) && entry.startedAt < before);
    const wanted = shown.toReversed().slice(offset, offset + size);
    const turns = await this.#readTurns(wanted);
    // A turn whose lines are gone would leave a hole in the page.
    if (turns.length === wanted.length) return { turns, total: shown.length };
    this.#reset(0); // lines that were too old have been deleted
    return this.page(before, offset, size);
  }

  /** The turn of a task; undefined when there is none. */
  async find(taskId: string): Promise<Turn | undefined> {
    await this.#refresh();
    const entry = this.#entries.get(taskId);
    return entry && (await this.#readTurns([entry]))[0];
  }

  /** Reads the lines that are new since the last time. Two readers at once would count a line twice, so they take turns. */
  #refresh(): Promise<void> {
    this.#reading = this.#reading.then(
      () => this.#readOn(),
      () => this.#readOn(), // the failure was the other reader's
    );
    return this.#reading;
  }

  async #readOn(): Promise<void> {
    for (;;) {
      const lines = await this.#session.read({ after: this.#end }, LINES_MAX_COUNT);
      for (const line of lines) this.#note(line);
      this.#end = lines.at(-1)?.seq ?? this.#end;
      if (lines.length < LINES_MAX_COUNT) return;
    }
  }

  /** Notes a line. A `session_started` is the beginning of the log, or a clear: everything before it is gone. */
  #note(line: Message): void {
    if (line.type === 'session_started') this.#reset(line.seq);
    if (line.type === 'message_added') this.#added.set(line.id, line);
    if (line.type === 'message_marked' && line.mark.removed) this.#remove(line.of, line.part);
    if (line.type === 'task_started') this.#begin(line);
    const entry = 'taskId' in line && line.taskId !== null ? this.#entries.get(line.taskId) : undefined;
    if (!entry) return;
    entry.last = line.seq;
    if (line.type === 'task_ended') entry.isDone = line.status === 'done';
    if (line.type !== 'model_reply' || line.calls.length > 0) return;
    entry.answer = line.seq;
    entry.isRemoved ||= line.marks?.answer?.removed === true;
  }

  /** Begins a turn. Its user message is this line, or an earlier one that has waited for its task. */
  #begin({ taskId, seq, time, marks, added }: Extract<Message, { type: 'task_started' }>): void {
    const said = (added && this.#added.get(taskId)) || { seq, marks };
    this.#added.delete(taskId);
    this.#entries.set(taskId, {
      taskId,
      startedAt: time,
      first: said.seq,
      last: seq,
      said: said.seq,
      answer: 0,
      isDone: false,
      isRemoved: said.marks?.said?.removed === true,
    });
  }

  #remove(of: readonly number[], part: MessagePart): void {
    const lines = new Set(of);
    for (const entry of this.#entries.values()) if (lines.has(entry[part])) entry.isRemoved = true;
  }

  /** The turns of these entries, from one read of all lines between them. One whose first line is gone is missing. */
  async #readTurns(entries: readonly TurnEntry[]): Promise<Turn[]> {
    if (entries.length === 0) return [];
    const first = Math.min(...entries.map((entry) => entry.first));
    const last = Math.max(...entries.map((entry) => entry.last));
    const lines = await this.#session.read({ after: first - 1 }, last - first + 1);
    const turns = new Map(turnsOf(lines).map((turn) => [turn.taskId, turn]));
    return entries.flatMap(({ taskId }) => turns.get(taskId) ?? []);
  }

  /** Forgets all turns; the next refresh reads the lines after this number. */
  #reset(end: number): void {
    this.#entries.clear();
    this.#added.clear();
    this.#end = end;
  }
}

/** Whether a turn is a message for clients: it has an answer, and neither was removed. */
function isShown({ isDone, answer, isRemoved }: TurnEntry): boolean {
  return isDone && answer > 0 && !isRemoved;
}
