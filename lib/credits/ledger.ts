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
 * Credits of users. What a piece of work may cost is held before it begins, and settled or released when it ends.
 *
 * Contract:
 * - A balance is the sum of its records at every moment, and never negative.
 * - A reference is held once and closed once (settled or released), whoever tries, however often, also after a crash.
 * - Given a transaction, what happens is part of it; all amounts are whole numbers.
 */
export interface Ledger {
  balance(owner: string): Promise<number>;
  /** The newest first. */
  records(owner: string, page: { offset: number; limit: number }): Promise<CreditRecord[]>;
  /** False when the reference has put something on an account before. */
  add(owner: string, amount: number, reference: string, trx?: CreditsDb): Promise<boolean>;
  /** False when the balance does not reach. */
  hold(owner: string, amount: number, reference: string, trx?: CreditsDb): Promise<boolean>;
  /** Takes `cost` of what is held and gives the rest back; of a cost beyond it as much as there is. False when it is closed. */
  settle(reference: string, cost: number, trx?: CreditsDb): Promise<boolean>;
  /** Gives back what is held. False when it is closed, or nothing is held. */
  release(reference: string, trx?: CreditsDb): Promise<boolean>;
}

/** A ledger over its tables. */
export function openLedger(db: CreditsDb, now: () => number = Date.now): Ledger {
  /** In the transaction that is given, or one of its own. */
  const within = <T>(trx: CreditsDb | undefined, work: (trx: CreditsDb) => Promise<T>): Promise<T> =>
    trx ? work(trx) : db.transaction().execute(work);

  /** The balance of an account, locked: everything about one owner happens one after the other. */
  async function lock(trx: CreditsDb, owner: string): Promise<number> {
    const account = { key: 'owner', column: 'balance', row: { owner, balance: 0 } } as const;
    return (await lockOrCreateRow(trx, 'credit_accounts', account)).balance;
  }

  /** Writes a record and moves the balance; false when the reference has one of this step. */
  async function move(
    trx: CreditsDb,
    record: Pick<CreditRecordsTable, 'owner' | 'amount' | 'kind' | 'reference' | 'step'>,
  ): Promise<boolean> {
    const written = await trx
      .insertInto('credit_records')
      .values({ ...record, created_at: now() })
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

  async function close(trx: CreditsDb, reference: string, cost: number | undefined): Promise<boolean> {
    const held = await trx
      .selectFrom('credit_records')
      .select(['owner', 'amount'])
      .where('reference', '=', reference)
      .where('step', '=', 'open')
      .where('kind', '=', 'hold')
      .executeTakeFirst();
    if (!held) return false;
    const { owner } = held;
    const balance = await lock(trx, owner);
    const back = -held.amount - (cost ?? 0);
    const kind = cost === undefined ? 'release' : 'settle';
    return move(trx, { owner, amount: Math.max(back, -balance), kind, reference, step: 'close' });
  }

  return {
    async balance(owner) {
      const row = await db
        .selectFrom('credit_accounts')
        .select('balance')
        .where('owner', '=', owner)
        .executeTakeFirst();
      return row?.balance ?? 0;
    },

    async records(owner, { offset, limit }) {
      const rows = await db
        .selectFrom('credit_records')
        .selectAll()
        .where('owner', '=', owner)
        .orderBy('id', 'desc')
        .limit(limit)
        .offset(offset)
        .execute();
      return rows.map(({ id, amount, kind, reference, created_at: createdAt }) => ({
        id,
        amount,
        kind,
        reference,
        createdAt,
      }));
    },

    add: (owner, amount, reference, given) =>
      within(given, async (trx) => {
        await lock(trx, owner);
        return move(trx, { owner, amount, kind: 'redeem', reference, step: 'open' });
      }),

    hold: (owner, amount, reference, given) =>
      within(given, async (trx) => {
        if ((await lock(trx, owner)) < amount) return false;
        return move(trx, { owner, amount: -amount, kind: 'hold', reference, step: 'open' });
      }),

    settle: (reference, cost, given) => within(given, (trx) => close(trx, reference, cost)),
    release: (reference, given) => within(given, (trx) => close(trx, reference, undefined)),
  };
}
