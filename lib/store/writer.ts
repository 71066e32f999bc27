/*
 * How a write becomes durable:
 *
 *   write()         the write waits; at the end of the event-loop tick all waiting writes are one batch
 *   #commit         one transaction for the batch; when it fails, one transaction for each write, so that a bad write
 *                   takes no other down with it
 *   #writeSegment   neighbours of the same kind become one statement a table; a `run` is a segment of its own, and so is a
 *                   permit that needs a clearance
 *   #readEpochs     a fenced write (append, permit) counts only under the session's present epoch: a node that was
 *                   replaced cannot write any more
 *   estops          a permit is refused while an emergency stop holds for it: the same statement looks for one
 *   broken          after an append that failed, later appends of the same epoch are refused: a log has no gaps
 *   notify          other nodes learn which sessions have new lines
 */

import type { CompiledQuery, Kysely, Transaction } from 'kysely';
import type { ToolResult } from '../core/message.ts';
import type { Clearance, Permitted } from '../core/store.ts';
import { AppError } from '../errors.ts';
import type { RowLocks } from './engine.ts';
import { countEstops, stoppedPermits } from './estop-check.ts';
import { callKey, CALLS, CONTENTS, contentsOf, MESSAGES, taskKey, TASKS } from './insert-shapes.ts';
import type { InsertShape, Row, TaskRows } from './insert-shapes.ts';
import type { Schema } from './schema.ts';

/** A write that waits for the next transaction. */
export type Write =
  | {
      kind: 'append';
      session: string;
      epoch: number;
      rows: Row<'messages'>[];
      task?: TaskRows;
      /** Happens only when the append does. */
      also?: Run;
    }
  | { kind: 'enqueue'; session: string; task: TaskRows }
  | {
      kind: 'permit';
      session: string;
      epoch: number;
      row: Row<'calls'>;
      /** Looks for emergency stops itself, too. */
      clearance?: Clearance;
    }
  /** Anything rarer, as a segment of its own. */
  | { kind: 'run'; session: string; run: Run };

/** A part of a transaction. */
type Run = (trx: Transaction<Schema>) => Promise<unknown>;

/**
 * Group commit: all writes of one event-loop tick are one transaction, and rows for one table are one statement. A write
 * that fails takes no other down with it.
 */
export interface Writer {
  /** Resolves after the commit: `append` nothing, `enqueue` whether the row is new, `permit` a Permitted, `run` its own result. */
  write(write: Write): Promise<unknown>;
  /** Resolves when no write waits. */
  drain(): Promise<void>;
}

/** A write with the promise of its caller. */
interface Waiting {
  write: Write;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/** The value or the error with which the promise of a write is settled, after the commit. */
type Outcome = { value: unknown } | { error: unknown };

/** A statement has at most nine parameters a row, and SQLite takes 32,766. */
const ROWS_A_STATEMENT = 100;

/** A writer; after each commit it calls `notify` with the sessions that were written to, and `onCommit` with its time in ms. */
export function createWriter(
  db: Kysely<Schema>,
  locks: RowLocks,
  notify: (sessions: readonly string[]) => void,
  onCommit?: (ms: number) => void,
): Writer {
  return new GroupWriter(db, locks, notify, onCommit);
}

/** The writes that wait, and the loop that commits them. */
class GroupWriter implements Writer {
  readonly #db: Kysely<Schema>;
  readonly #locks: RowLocks;
  readonly #notify: (sessions: readonly string[]) => void;
  readonly #onCommit: ((ms: number) => void) | undefined;
  readonly #statements = new Map<string, CompiledQuery>();
  /** Sessions with a line that could not be written, and its epoch: a later line of that epoch would leave a gap. */
  readonly #broken = new Map<string, number>();
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;

  constructor(
    db: Kysely<Schema>,
    locks: RowLocks,
    notify: (sessions: readonly string[]) => void,
    onCommit?: (ms: number) => void,
  ) {
    this.#onCommit = onCommit;
    this.#db = db;
    this.#locks = locks;
    this.#notify = notify;
  }

  write(write: Write): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  async drain(): Promise<void> {
    await this.#flushing;
  }

  /** Commits until no write waits; writes that arrive meanwhile are the next batch. */
  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      await new Promise((resolve) => setImmediate(resolve)); // the other writes of this tick come along
      const batch = this.#waiting;
      this.#waiting = [];
      const began = performance.now();
      const outcomes = await this.#commit(batch);
      this.#onCommit?.(performance.now() - began);
      batch.forEach(({ resolve, reject }, index) => {
        const outcome = outcomes[index]!;
        if ('value' in outcome) resolve(outcome.value);
        else reject(outcome.error);
      });
    }
    this.#flushing = undefined;
  }

  /** All of a batch in one transaction; when that fails, each write in a transaction of its own. */
  async #commit(batch: readonly Waiting[]): Promise<Outcome[]> {
    try {
      const outcomes = await this.#db.transaction().execute(async (trx) => {
        const all: Outcome[] = [];
        for (const segment of segmentsOf(batch)) all.push(...(await this.#writeSegment(trx, segment)));
        return all;
      });
      this.#notify(batch.map(({ write }) => write.session));
      return outcomes;
    } catch (error) {
      const [only] = batch;
      if (batch.length === 1 && only) {
        if (only.write.kind === 'append') this.#broken.set(only.write.session, only.write.epoch);
        return [{ error }];
      }
      const outcomes: Outcome[] = [];
      for (const one of batch) outcomes.push(...(await this.#commit([one])));
      return outcomes;
    }
  }

  /** Writes one segment: checks the epochs, inserts the rows, then does what goes along. */
  async #writeSegment(trx: Transaction<Schema>, writes: readonly Write[]): Promise<Outcome[]> {
    const only = writes[0]!;
    if (only.kind === 'run') return [{ value: await only.run(trx) }];
    const { epochs, isStopped } = await this.#readEpochs(trx, writes);
    const isFenced = (write: Write): boolean =>
      (write.kind === 'append' || write.kind === 'permit') &&
      (epochs.get(write.session) !== write.epoch || this.#broken.get(write.session) === write.epoch);
    const stopped = isStopped ? await stoppedPermits(trx, writes) : new Map<Write, ToolResult>();
    const current = writes.filter((write) => !isFenced(write) && !stopped.has(write));
    const { newTasks, newCalls } = await this.#insertAll(trx, current);
    for (const write of current) if (write.kind === 'append') await write.also?.(trx);
    const permissionOf = async (write: Write & { kind: 'permit' }): Promise<Permitted> => {
      const refused = stopped.get(write);
      if (refused) return { refused };
      if (!newCalls.delete(callKey(write.row))) return 'given_before';
      const objection = await write.clearance?.check(trx);
      if (!objection) return 'given';
      await this.#takeBack(trx, write.row);
      return { refused: objection };
    };
    const outcomes: Outcome[] = [];
    for (const write of writes) {
      if (isFenced(write))
        outcomes.push({ error: new AppError('conflict', 'The session has been taken over, or has to be.') });
      else if (write.kind === 'enqueue') outcomes.push({ value: newTasks.delete(taskKey(write.task.state)) });
      else if (write.kind === 'permit') outcomes.push({ value: await permissionOf(write) });
      else outcomes.push({ value: undefined });
    }
    return outcomes;
  }

  /** A permit that was refused after its row was written: the row says that the call was surely not sent. */
  async #takeBack(trx: Transaction<Schema>, row: Row<'calls'>): Promise<void> {
    await trx
      .updateTable('calls')
      .set({ outcome: 'none', settled_at: row.sent_at })
      .where('session_id', '=', row.session_id)
      .where('seq', '=', row.seq)
      .where('call_id', '=', row.call_id)
      .execute();
  }

  /** Inserts the rows of these writes; resolves with the keys of the tasks and calls that are new. */
  async #insertAll(
    trx: Transaction<Schema>,
    writes: readonly Write[],
  ): Promise<{ newTasks: Set<string>; newCalls: Set<string> }> {
    const messages = writes.flatMap((write) => (write.kind === 'append' ? write.rows : []));
    await this.#insert(trx, 'messages', messages, MESSAGES);
    const tasks = writes.flatMap((write) =>
      write.kind === 'append' || write.kind === 'enqueue' ? (write.task ?? []) : [],
    );
    const states = tasks.map(({ state }) => state);
    const newTasks = await this.#insert(trx, 'tasks', states, TASKS);
    await this.#insert(trx, 'task_contents', contentsOf(tasks, newTasks), CONTENTS);
    const asked = writes.flatMap((write) => (write.kind === 'permit' ? [write.row] : []));
    const calls = [...new Map(asked.map((row) => [callKey(row), row])).values()];
    return { newTasks, newCalls: await this.#insert(trx, 'calls', calls, CALLS) };
  }

  /**
   * The present epoch of each session that a fenced write is for; the rows cannot change before the commit. Also whether there is
   * an emergency stop, when a permit asks.
   */
  async #readEpochs(
    trx: Transaction<Schema>,
    writes: readonly Write[],
  ): Promise<{ epochs: Map<string, number>; isStopped: boolean }> {
    const fencing = writes.filter((write) => write.kind === 'append' || write.kind === 'permit');
    const hasPermit = fencing.some(({ kind }) => kind === 'permit');
    const ids = [...new Set(fencing.map((write) => write.session))];
    const epochs = new Map<string, number>();
    let isStopped = false;
    for (let from = 0; from < ids.length; from += ROWS_A_STATEMENT) {
      const some = ids.slice(from, from + ROWS_A_STATEMENT);
      const statement = this.#prepared(`epochs ${some.length} ${hasPermit}`, () => {
        const query = this.#db.selectFrom('sessions').select(['id', 'epoch']).where('id', 'in', some);
        const asking = hasPermit ? query.select(countEstops().as('stops')) : query;
        // In one order, so that two nodes do not lock the same rows from both ends.
        return this.#locks.share(asking.orderBy('id')).compile();
      });
      const { rows } = await trx.executeQuery<{ id: string; epoch: number; stops?: number | string }>({
        ...statement,
        parameters: some,
      });
      for (const { id, epoch, stops = 0 } of rows) {
        epochs.set(id, epoch);
        isStopped ||= Number(stops) > 0;
      }
    }
    return { epochs, isStopped };
  }

  /** Inserts rows in as few statements as it takes; resolves with the keys of the rows that are new, where there is a `key`. */
  async #insert<Table extends 'messages' | 'tasks' | 'task_contents' | 'calls'>(
    trx: Transaction<Schema>,
    table: Table,
    rows: readonly Row<Table>[],
    { columns, key, again }: InsertShape<Table>,
  ): Promise<Set<string>> {
    const inserted = new Set<string>();
    for (let from = 0; from < rows.length; from += ROWS_A_STATEMENT) {
      const some = rows.slice(from, from + ROWS_A_STATEMENT);
      const statement = this.#prepared(`${table} ${some.length}`, () => {
        const query = this.#db.insertInto(table).values(some);
        if (!key) return query.compile();
        return query
          .onConflict((conflict) => again?.(conflict) ?? conflict.doNothing())
          .returningAll()
          .compile();
      });
      const parameters = some.flatMap((row) => columns.map((column) => row[column]));
      const result = await trx.executeQuery<Row<Table>>({ ...statement, parameters });
      if (key) for (const row of result.rows) inserted.add(key(row));
    }
    return inserted;
  }

  /** A statement is compiled once for each shape; only the parameters change. */
  #prepared(shape: string, compile: () => CompiledQuery): CompiledQuery {
    let statement = this.#statements.get(shape);
    if (!statement) this.#statements.set(shape, (statement = compile()));
    return statement;
  }
}

/** Neighbours that become one statement a table; a `run` is a segment of its own, and a permit with a clearance. */
function segmentsOf(batch: readonly Waiting[]): Write[][] {
  const segments: Write[][] = [];
  let open: Write[] | undefined;
  for (const { write } of batch) {
    if (write.kind === 'run' || (write.kind === 'permit' && write.clearance)) {
      segments.push([write]);
      open = undefined;
    } else if (open) open.push(write);
    else segments.push((open = [write]));
  }
  return segments;
}
