import { sql } from 'kysely';
import type { CompiledQuery, Insertable, Kysely, Transaction } from 'kysely';
import type { OnConflictBuilder, OnConflictUpdateBuilder } from 'kysely';
import { AppError } from '../errors.ts';
import type { Schema } from './schema.ts';

/** One row of a table, ready to be inserted. */
type Row<Table extends keyof Schema> = Insertable<Schema[Table]>;

/** A write that waits for the next transaction. */
export type Write =
  | {
      kind: 'append';
      session: string;
      epoch: number;
      rows: Row<'messages'>[];
      task?: Row<'tasks'>;
      also?: Run;
    }
  | { kind: 'enqueue'; session: string; row: Row<'tasks'> }
  | { kind: 'permit'; session: string; epoch: number; row: Row<'calls'> }
  /** Anything rarer: alone, in its place. */
  | { kind: 'run'; session: string; run: Run };

/** What stands or falls with a write: `also` happens only when its append does. */
type Run = (trx: Transaction<Schema>) => Promise<unknown>;

/**
 * Group commit: everything asked for in one event-loop tick is one transaction, and rows for one table are one
 * statement. A write that fails takes no other down with it.
 */
export interface Writer {
  /** Resolves after the commit: `append` nothing, `enqueue` and `permit` whether the row is new, `run` its own result. */
  write(write: Write): Promise<unknown>;
  /** Resolves when nothing waits. */
  drain(): Promise<void>;
}

interface Waiting {
  write: Write;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

type Outcome = { value: unknown } | { error: unknown };

const ROWS_A_STATEMENT = 100;

/** A writer; `notify` hears, after each commit, which sessions were written to. */
export function openWriter(
  db: Kysely<Schema>,
  engine: 'sqlite' | 'postgres',
  notify?: (sessions: readonly string[]) => void,
): Writer {
  let waiting: Waiting[] = [];
  let flushing: Promise<void> | undefined;
  const statements = new Map<string, CompiledQuery>();
  /** Sessions with a line that could not be written, and under which epoch: a later line would leave a gap. */
  const broken = new Map<string, number>();

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      await new Promise((resolve) => setImmediate(resolve)); // what the rest of this tick asks for comes along
      const batch = waiting;
      waiting = [];
      const outcomes = await commit(batch);
      batch.forEach(({ resolve, reject }, index) => {
        const outcome = outcomes[index]!;
        if ('value' in outcome) resolve(outcome.value);
        else reject(outcome.error);
      });
    }
    flushing = undefined;
  }

  /** All of a batch in one transaction; when that fails, each write in its own. */
  async function commit(batch: readonly Waiting[]): Promise<Outcome[]> {
    try {
      const outcomes = await db.transaction().execute(async (trx) => {
        const outcomes: Outcome[] = [];
        for (const segment of segmentsOf(batch)) outcomes.push(...(await runSegment(trx, segment)));
        return outcomes;
      });
      notify?.(batch.map(({ write }) => write.session));
      return outcomes;
    } catch (error) {
      const [only] = batch;
      if (batch.length === 1 && only) {
        if (only.write.kind === 'append') broken.set(only.write.session, only.write.epoch);
        return [{ error }];
      }
      const outcomes: Outcome[] = [];
      for (const one of batch) outcomes.push(...(await commit([one])));
      return outcomes;
    }
  }

  async function runSegment(trx: Transaction<Schema>, writes: readonly Write[]): Promise<Outcome[]> {
    const only = writes[0]!;
    if (only.kind === 'run') return [{ value: await only.run(trx) }];
    const epochs = await readEpochs(trx, writes);
    const fenced = (write: Write): boolean =>
      (write.kind === 'append' || write.kind === 'permit') &&
      (epochs.get(write.session) !== write.epoch || broken.get(write.session) === write.epoch);
    const current = writes.filter((write) => !fenced(write));
    await insert(
      trx,
      'messages',
      current.flatMap((write) => (write.kind === 'append' ? write.rows : [])),
      MESSAGES,
    );
    const tasks = current.flatMap((write) => {
      if (write.kind === 'append') return write.task ?? [];
      return write.kind === 'enqueue' ? [write.row] : [];
    });
    const newTasks = await insert(trx, 'tasks', tasks, TASKS);
    const asked = current.flatMap((write) => (write.kind === 'permit' ? [write.row] : []));
    const calls = [...new Map(asked.map((row) => [callKey(row), row])).values()];
    const newCalls = await insert(trx, 'calls', calls, CALLS);
    for (const write of current) if (write.kind === 'append') await write.also?.(trx);
    return writes.map((write): Outcome => {
      if (fenced(write))
        return { error: new AppError('conflict', 'The session has been taken over, or has to be.') };
      if (write.kind === 'enqueue') return { value: newTasks.delete(taskKey(write.row)) };
      if (write.kind === 'permit') return { value: newCalls.delete(callKey(write.row)) };
      return { value: undefined };
    });
  }

  async function readEpochs(
    trx: Transaction<Schema>,
    writes: readonly Write[],
  ): Promise<Map<string, number>> {
    const fencing = writes.filter((write) => write.kind === 'append' || write.kind === 'permit');
    const ids = [...new Set(fencing.map((write) => write.session))];
    const epochs = new Map<string, number>();
    for (let from = 0; from < ids.length; from += ROWS_A_STATEMENT) {
      const some = ids.slice(from, from + ROWS_A_STATEMENT);
      const statement = prepared(`epochs ${some.length}`, () => {
        const query = db.selectFrom('sessions').select(['id', 'epoch']).where('id', 'in', some);
        return engine === 'postgres' ? query.orderBy('id').forShare().compile() : query.compile();
      });
      const { rows } = await trx.executeQuery<{ id: string; epoch: number }>({
        ...statement,
        parameters: some,
      });
      for (const { id, epoch } of rows) epochs.set(id, epoch);
    }
    return epochs;
  }

  /** Inserts rows in as few statements as it takes; the keys of those that were not there before (or are given again), where `key` is given. */
  async function insert<Table extends 'messages' | 'tasks' | 'calls'>(
    trx: Transaction<Schema>,
    table: Table,
    rows: readonly Row<Table>[],
    { columns, key, again }: Shape<Table>,
  ): Promise<Set<string>> {
    const inserted = new Set<string>();
    for (let from = 0; from < rows.length; from += ROWS_A_STATEMENT) {
      const some = rows.slice(from, from + ROWS_A_STATEMENT);
      const statement = prepared(`${table} ${some.length}`, () => {
        const query = db.insertInto(table).values(some);
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

  /** Compiled once by shape; only the parameters change. */
  function prepared(shape: string, compile: () => CompiledQuery): CompiledQuery {
    let statement = statements.get(shape);
    if (!statement) statements.set(shape, (statement = compile()));
    return statement;
  }

  return {
    write(write) {
      return new Promise((resolve, reject) => {
        waiting.push({ write, resolve, reject });
        flushing ??= flush();
      });
    },
    drain: async () => flushing,
  };
}

/** Which columns a statement's parameters are, in order, and how a row is told apart where it may be there already. */
interface Shape<Table extends keyof Schema> {
  columns: (keyof Row<Table>)[];
  key?: (row: Row<Table>) => string;
  /** What becomes of one that is there; nothing when it is missing. */
  again?: (conflict: OnConflictBuilder<Schema, Table>) => OnConflictUpdateBuilder<Schema, Table>;
}

const taskKey = (row: Row<'tasks'>): string => `${row.session_id} ${row.task_id}`;
const callKey = (row: Row<'calls'>): string => `${row.session_id} ${row.seq} ${row.call_id}`;

const MESSAGES: Shape<'messages'> = { columns: ['session_id', 'seq', 'time', 'body'] };
const TASKS: Shape<'tasks'> = {
  columns: ['session_id', 'task_id', 'position', 'body', 'stream', 'stopping', 'status'],
  key: taskKey,
};
const CALLS: Shape<'calls'> = {
  columns: [
    'session_id',
    'seq',
    'call_id',
    'task_id',
    'tool',
    'arguments',
    'outcome',
    'sent_at',
    'settled_at',
  ],
  key: callKey,
  // A call that was surely not sent may be sent after all.
  again: (conflict) =>
    conflict
      .columns(['session_id', 'seq', 'call_id'])
      .doUpdateSet(({ ref }) => ({
        outcome: sql.lit('sent'),
        sent_at: ref('excluded.sent_at'),
        settled_at: sql.lit(null),
      }))
      .where('calls.outcome', '=', sql.lit('none')),
};

/** Runs of writes that may be merged; a `run` stands alone. */
function segmentsOf(batch: readonly Waiting[]): Write[][] {
  const segments: Write[][] = [];
  let open: Write[] | undefined;
  for (const { write } of batch) {
    if (write.kind === 'run') {
      segments.push([write]);
      open = undefined;
    } else if (open) open.push(write);
    else segments.push((open = [write]));
  }
  return segments;
}
