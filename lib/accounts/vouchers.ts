import { UniqueViolation } from '../store/failures.ts';
import type { AccountsContext } from './context.ts';
import { hashOf, newSecretText } from './secret-text.ts';

/** Random texts that are valid once and for a short time, on any node: tickets and sign-in codes. Stored as hashes. */
export interface Vouchers {
  /** A new voucher for `body`, valid for `lifeMs`. */
  issue(kind: string, body: object, lifeMs: number): Promise<string>;
  /** The body of a voucher; undefined when the voucher is unknown, of another kind, used or expired. */
  redeem(kind: string, voucher: string): Promise<unknown>;
  /** Uses up a text of another system; false when it was used before. */
  useUp(kind: string, text: string, lifeMs: number): Promise<boolean>;
}

/** Vouchers are many and short-lived, so they are removed more often than other rows. */
const SWEEP_EVERY_MS = 60_000;

/** Vouchers over their table. */
export function createVouchers({ db, clock }: Pick<AccountsContext, 'db' | 'clock'>): Vouchers {
  const insert = async (kind: string, text: string, body: object, lifeMs: number): Promise<void> => {
    const row = { hash: hashOf(text), kind, body: JSON.stringify(body), until: clock.now() + lifeMs };
    await db.insertInto('vouchers').values(row).execute();
  };
  let swept = 0;
  return {
    async issue(kind, body, lifeMs) {
      if (clock.now() > swept + SWEEP_EVERY_MS) {
        swept = clock.now();
        await db.deleteFrom('vouchers').where('until', '<=', swept).execute();
      }
      const voucher = newSecretText();
      await insert(kind, voucher, body, lifeMs);
      return voucher;
    },
    async redeem(kind, voucher) {
      // One statement reads and removes: of two requests at the same time, only one gets the body.
      const row = await db
        .deleteFrom('vouchers')
        .where('hash', '=', hashOf(voucher))
        .where('kind', '=', kind)
        .returning(['body', 'until'])
        .executeTakeFirst();
      return row && row.until > clock.now() ? (JSON.parse(row.body) as unknown) : undefined;
    },
    async useUp(kind, text, lifeMs) {
      try {
        // The hash is unique, so that the second one fails. The kind keeps apart texts of different systems.
        await insert(kind, `${kind} ${text}`, {}, lifeMs);
        return true;
      } catch (error) {
        if (error instanceof UniqueViolation) return false;
        throw error;
      }
    },
  };
}
