/*
 * The records of a reference; the index over (reference, step) lets each step happen once:
 *
 *   step    kind       amount          when
 *   open    redeem     + value         a code was redeemed
 *   open    hold       - the most      before a task begins
 *   close   settle     + the rest      the task was done: the rest of the hold goes back
 *   close   release    + all of it     the task failed
 */

import { systemClock, type Clock } from '../common/clock.ts';
import { lockOrCreateRow } from '../store/lock-row.ts';
import type { CreditRecordsTable, CreditsDb } from './schema.ts';

/** A movement on an account. */
export interface CreditRecord {
  id: number;
  /** Positive: the account gets it. */
  amount: number;
  kind: CreditRecordsTable['kind'];
  reference: string;
  /** Ms since the epoch. */
  createdAt: number;
}

/**
 * Credits of users. The most that a piece of work may cost is held before it begins, and settled or released when it ends.
 *
 * Contract:
 * - A balance is the sum of its records at every moment, and never negative.
 * - A reference is held once and closed once (settled or released), however often it is tried, also after a crash.
 * - A call with a transaction is a part of it. All amounts are whole numbers.
 */
export interface Ledger {
  /** The credits that an owner can use. */
  balance(owner: string): Promise<number>;
  /** The movements on an account, the newest first. */
  records(owner: string, page: { offset: number; limit: number }): Promise<CreditRecord[]>;
  /** Adds credits; false when the reference has added some before. */
  add(owner: string, amount: number, reference: string, trx?: CreditsDb): Promise<boolean>;
  /** Holds credits; false when the balance is too small. */
  hold(owner: string, amount: number, reference: string, trx?: CreditsDb): Promise<boolean>;
  /** Takes `cost` from the held credits and gives the rest back; a larger cost takes what the balance has. False when it is closed. */
  settle(reference: string, cost: number, trx?: CreditsDb): Promise<boolean>;
  /** Gives the held credits back. False when it is closed, or nothing is held. */
  release(reference: string, trx?: CreditsDb): Promise<boolean>;
  /** Removes the account of an owner with its records. */
  removeOwner(owner: string): Promise<void>;
}

/** A ledger over its tables. */
export function createLedger(db: CreditsDb, clock: Clock = systemClock): Ledger {
  return new StoredLedger(db, clock);
}

/** A ledger over its tables. */
class StoredLedger implements Ledger {
  readonly #db: CreditsDb;
  readonly #clock: Clock;

  constructor(db: CreditsDb, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  async balance(owner: string): Promise<number> {
    const row = await this.#db
      .selectFrom('credit_accounts')
      .select('balance')
      .where('owner', '=', owner)
      .executeTakeFirst();
    return row?.balance ?? 0;
  }

  async records(owner: string, page: { offset: number; limit: number }): Promise<CreditRecord[]> {
    const rows = await this.#db
      .selectFrom('credit_records')
      .selectAll()
      .where('owner', '=', owner)
      .orderBy('id', 'desc')
      .limit(page.limit)
      .offset(page.offset)
      .execute();
    return rows.map(({ id, amount, kind, reference, created_at: createdAt }) => ({
      id,
      amount,
      kind,
      reference,
      createdAt,
    }));
  }

  add(owner: string, amount: number, reference: string, given?: CreditsDb): Promise<boolean> {
    return this.#within(given, async (trx) => {
      await lockAccount(trx, owner);
      return this.#move(trx, { owner, amount, kind: 'redeem', reference, step: 'open' });
    });
  }

  hold(owner: string, amount: number, reference: string, given?: CreditsDb): Promise<boolean> {
    return this.#within(given, async (trx) => {
      if ((await lockAccount(trx, owner)) < amount) return false;
      return this.#move(trx, { owner, amount: -amount, kind: 'hold', reference, step: 'open' });
    });
  }

  settle(reference: string, cost: number, given?: CreditsDb): Promise<boolean> {
    return this.#within(given, (trx) => this.#close(trx, reference, cost));
  }

  release(reference: string, given?: CreditsDb): Promise<boolean> {
    return this.#within(given, (trx) => this.#close(trx, reference, undefined));
  }

  removeOwner(owner: string): Promise<void> {
    return this.#db.transaction().execute(async (trx) => {
      await trx.deleteFrom('credit_records').where('owner', '=', owner).execute();
      await trx.deleteFrom('credit_accounts').where('owner', '=', owner).execute();
    });
  }

  /** In the transaction that is given, or in one of its own. */
  #within<T>(trx: CreditsDb | undefined, work: (trx: CreditsDb) => Promise<T>): Promise<T> {
    return trx ? work(trx) : this.#db.transaction().execute(work);
  }

  /** Writes a record and changes the balance; false when the reference has a record of this step. */
  async #move(
    trx: CreditsDb,
    record: Pick<CreditRecordsTable, 'owner' | 'amount' | 'kind' | 'reference' | 'step'>,
  ): Promise<boolean> {
    const written = await trx
      .insertInto('credit_records')
      .values({ ...record, created_at: this.#clock.now() })
      .onConflict((conflict) => conflict.columns(['reference', 'step']).doNothing())
      .returning('id')
      .executeTakeFirst();
    if (!written) return false;
    await trx
      .updateTable('credit_accounts')
      .set(({ eb }) => ({ balance: eb('balance', '+', record.amount) }))
      .where('owner', '=', record.owner)
      .execute();
    return true;
  }

  /** Closes a hold. The unspent part goes back; without a cost, all of it. */
  async #close(trx: CreditsDb, reference: string, cost: number | undefined): Promise<boolean> {
    const held = await trx
      .selectFrom('credit_records')
      .select(['owner', 'amount'])
      .where('reference', '=', reference)
      .where('step', '=', 'open')
      .where('kind', '=', 'hold')
      .executeTakeFirst();
    if (!held) return false;
    const { owner } = held;
    const balance = await lockAccount(trx, owner);
    const back = -held.amount - (cost ?? 0);
    const kind = cost === undefined ? 'release' : 'settle';
    return this.#move(trx, { owner, amount: Math.max(back, -balance), kind, reference, step: 'close' });
  }
}

/** The balance of an account, locked: everything about one owner happens one after the other. */
async function lockAccount(trx: CreditsDb, owner: string): Promise<number> {
  const account = { key: 'owner', column: 'balance', row: { owner, balance: 0 } } as const;
  return (await lockOrCreateRow(trx, 'credit_accounts', account)).balance;
}
