import type { Generated, Kysely } from 'kysely';

/** The tables of credits, the same on SQLite and PostgreSQL. Times are ms since the epoch. */
export interface CreditTables {
  credit_accounts: CreditAccountsTable;
  credit_records: CreditRecordsTable;
  redeem_codes: RedeemCodesTable;
}

/** The database, or a transaction on it. */
export type CreditsDb = Kysely<CreditTables>;

/** The accounts. */
interface CreditAccountsTable {
  owner: string;
  /** The sum of the owner's records; the database refuses a negative one. */
  balance: number;
}

/** The movements on accounts. */
export interface CreditRecordsTable {
  id: Generated<number>;
  owner: string;
  amount: number;
  kind: 'redeem' | 'hold' | 'settle' | 'release';
  /** The id of a task or of a redeem code. */
  reference: string;
  /** At most one record of each step for a reference. */
  step: 'open' | 'close';
  created_at: number;
}

/** The redeem codes, as keyed digests. */
interface RedeemCodesTable {
  hash: string;
  id: string;
  value: number;
  created_at: number;
  expires_at: number | null;
  /** The owner; null when nobody has redeemed it, or the owner was removed. */
  redeemed_by: string | null;
  redeemed_at: number | null;
}
