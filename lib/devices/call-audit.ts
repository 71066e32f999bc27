import { sign, type KeyObject } from 'node:crypto';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { Transaction } from 'kysely';
import type { Clock } from '../common/clock.ts';
import type { JsonObject } from '../common/json.ts';
import { lockOrCreateRow } from '../store/lock-row.ts';
import { auditBody, headText, rowHash, NO_HASH } from './audit-hash.ts';
import type { CommandDb, CommandTables } from './command-schema.ts';
import type { CallRecord } from './call-record.ts';
import { listCalls, placeAfter, type AuditWindow, type CallAuditRow } from './list-calls.ts';

/** A signed head for so many rows. */
const ROWS_A_HEAD = 100;
/** A transaction that removes old rows keeps writes to the device waiting. */
const PRUNED_AT_ONCE = 200;
/** So many rows are read at once where all are read. SQLite answers at once, so the event loop has its turn after each page only. */
const ROWS_A_PAGE = 100;
/** An interrupted write is looked for among so many rows. */
const RECENT_COUNT = 10_000;
/** To read more of them at once would hold the event loop. */
const SEARCHED_AT_ONCE = 500;

/** The end of a chain, which its holder has locked until the end of the transaction. */
export interface ChainEnd {
  n: number;
  hash: string;
  signed_n: number;
}

/** A part of a transaction of the database. */
export type CommandTransaction = Transaction<CommandTables>;

/**
 * The audit log: a chain of rows for each device. A row is never changed; an outcome is a row of its own. Each row has the hash
 * of the row before it, and the end of a chain is signed now and then, so that a change, a gap and a cut are found
 * (check-audit.ts).
 */
export class CallAudit {
  readonly #db: CommandDb;
  readonly #key: KeyObject;
  readonly #clock: Clock;

  /** `key` is a private Ed25519 key. */
  constructor(db: CommandDb, key: KeyObject, clock: Clock) {
    this.#db = db;
    this.#key = key;
    this.#clock = clock;
  }

  /** Appends a write that was tried, in a transaction of the caller, who may have locked the chain. Resolves with its number. */
  append(trx: CommandTransaction, device: string, entry: CallRecord, end?: ChainEnd): Promise<number> {
    const { event, tool, operation, ...rest } = entry;
    return this.#append(trx, device, { event, of_n: null, tool, operation }, rest, end);
  }

  /** The end of a chain. No other transaction appends to it before this one ends. */
  lock(trx: CommandTransaction, device: string): Promise<ChainEnd> {
    return lockOrCreateRow<CommandTables, 'audit_chains'>(trx, 'audit_chains', {
      key: 'device',
      column: 'n',
      row: { device, n: 0, hash: NO_HASH, signed_n: 0 },
    });
  }

  /** Appends the outcome of the row `n`, in a transaction of the caller. A later one takes the place of `unknown`. */
  async appendOutcome(trx: CommandTransaction, device: string, n: number, outcome: string): Promise<void> {
    const row = { event: 'outcome', of_n: n, tool: null, operation: null };
    await this.#append(trx, device, row, { outcome });
  }

  /** Appends a write that was tried, in a transaction of its own. */
  async record(device: string, entry: CallRecord): Promise<void> {
    await this.#db.transaction().execute((trx) => this.append(trx, device, entry));
  }

  /** Signs the end of every chain that has rows after its last head. */
  async signHeads(): Promise<void> {
    const chains = await this.#db
      .selectFrom('audit_chains')
      .select('device')
      .where(({ eb, ref }) => eb('n', '>', ref('signed_n')))
      .execute();
    for (const { device } of chains)
      await this.#db.transaction().execute(async (trx) => {
        const { n, hash } = await this.lock(trx, device);
        await this.#signHead(trx, { device, n, hash });
      });
  }

  /**
   * Removes the rows that are older than a time (ms since the epoch), a few hundred in a transaction. The last of them leaves its number,
   * its hash and a signed head, so that the rest of its chain can be checked.
   */
  async prune(before: number): Promise<void> {
    for (const device of await this.devices())
      while (await this.#prunePortion(device, before)) await endOfTurn();
  }

  /** Removes the oldest rows of a chain. False: no old row is left. */
  #prunePortion(device: string, before: number): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      await this.lock(trx, device);
      const rows = await trx
        .selectFrom('audit_rows')
        .select(['n', 'hash', 'at'])
        .where('device', '=', device)
        .orderBy('n')
        .limit(PRUNED_AT_ONCE)
        .execute();
      const kept = rows.findIndex(({ at }) => at >= before);
      const last = kept === -1 ? rows.at(-1) : rows[kept - 1];
      if (!last) return false;
      const { n, hash } = last;
      await this.#signHead(trx, { device, n, hash });
      await trx.deleteFrom('audit_rows').where('device', '=', device).where('n', '<=', n).execute();
      await trx.deleteFrom('audit_heads').where('device', '=', device).where('n', '<', n).execute();
      const pruned = { pruned_n: n, pruned_hash: hash };
      await trx.updateTable('audit_chains').set(pruned).where('device', '=', device).execute();
      return kept === -1 && rows.length === PRUNED_AT_ONCE;
    });
  }

  /** The writes that were tried, after a place, oldest first; those of every device when none is named. */
  list(window: AuditWindow): Promise<CallAuditRow[]> {
    return listCalls(this.#db, window);
  }

  /**
   * The same for a client that knows only the time of the last row. The rows of one time are in one page, also beyond the limit, so that
   * the next page misses none.
   */
  async listAfterTime(time: number | undefined, limit: number): Promise<CallAuditRow[]> {
    const page = await this.list({ after: time === undefined ? undefined : placeAfter(time), limit });
    const last = page.at(-1);
    if (!last || page.length < limit) return page;
    for await (const more of this.pages({ after: last, before: last.at + 1 })) page.push(...more);
    return page;
  }

  /** The newest writes that were tried, oldest first. */
  async listNewest({ device, limit }: Omit<AuditWindow, 'after'>): Promise<CallAuditRow[]> {
    return (await listCalls(this.#db, { device, limit, isNewestFirst: true })).toReversed();
  }

  /** The writes that were tried, oldest first, in pages: one of them is in memory at a time. */
  async *pages({ device, after, before }: Omit<AuditWindow, 'limit'> = {}): AsyncGenerator<CallAuditRow[]> {
    for (let last = after; ;) {
      const page = await this.list({ device, after: last, before, limit: ROWS_A_PAGE });
      if (page.length > 0) yield page;
      last = page.at(-1);
      if (page.length < ROWS_A_PAGE) return;
      await endOfTurn();
    }
  }

  /** The names of the chains. */
  async devices(): Promise<string[]> {
    const rows = await this.#db.selectFrom('audit_chains').select('device').orderBy('device').execute();
    return rows.map(({ device }) => device);
  }

  /** The number of the row of a write that was sent; undefined when there is none. It is mostly among the newest, which are read first. */
  async findSent(device: string, session: string, task: string, call: string): Promise<number | undefined> {
    let before = Number.MAX_SAFE_INTEGER;
    for (let read = 0; read < RECENT_COUNT; read += SEARCHED_AT_ONCE) {
      const rows = await this.#db
        .selectFrom('audit_rows')
        .select(['n', 'body'])
        .where('device', '=', device)
        .where('event', '=', 'sent')
        .where('n', '<', before)
        .orderBy('n', 'desc')
        .limit(SEARCHED_AT_ONCE)
        .execute();
      const found = rows.find(({ body }) => {
        const record = JSON.parse(body) as CallRecord;
        return record.session === session && record.task === task && record.call === call;
      });
      if (found || rows.length < SEARCHED_AT_ONCE) return found?.n;
      before = rows.at(-1)!.n;
      await endOfTurn();
    }
    return undefined;
  }

  async #append(
    trx: CommandTransaction,
    device: string,
    row: { event: string; of_n: number | null; tool: string | null; operation: string | null },
    more: JsonObject,
    end?: ChainEnd,
  ): Promise<number> {
    const last = end ?? (await this.lock(trx, device));
    const n = last.n + 1;
    const at = this.#clock.now();
    const body = auditBody({ device, n, at, ...row }, more);
    const hash = rowHash(last.hash, body);
    await trx
      .insertInto('audit_rows')
      .values({ device, n, at, ...row, body, hash })
      .execute();
    await trx.updateTable('audit_chains').set({ n, hash }).where('device', '=', device).execute();
    if (n - last.signed_n >= ROWS_A_HEAD) await this.#signHead(trx, { device, n, hash });
    return n;
  }

  async #signHead(
    trx: CommandTransaction,
    { device, n, hash }: { device: string; n: number; hash: string },
  ): Promise<void> {
    const at = this.#clock.now();
    const signature = sign(null, headText({ device, n, hash, at }), this.#key).toString('base64');
    await trx
      .insertInto('audit_heads')
      .values({ device, n, hash, at, signature })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await trx
      .updateTable('audit_chains')
      .set({ signed_n: n })
      .where('device', '=', device)
      // The head of a pruned row is older than the last one.
      .where('signed_n', '<', n)
      .execute();
  }
}
