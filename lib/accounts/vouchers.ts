import { UniqueViolation } from '../store/failures.ts';
import type { Ground } from './ground.ts';
import { hashOf, newSecretText } from './secret-text.ts';

/** Random texts that are good once and for a short time, on any node: tickets, codes to be exchanged. Stored as hashes. */
export interface Vouchers {
  issue(kind: string, body: object, lifeMs: number): Promise<string>;
  /** What it was issued with; undefined when it is unknown, of another kind, used or over. */
  redeem(kind: string, voucher: string): Promise<unknown>;
  /** Uses up a text that was not issued here; false when it was used before. */
  useUp(kind: string, text: string, lifeMs: number): Promise<boolean>;
}

const SWEEP_EVERY_MS = 60_000;

/** Vouchers over their table. */
export function openVouchers({ db, now }: Pick<Ground, 'db' | 'now'>): Vouchers {
  const insert = async (kind: string, text: string, body: object, lifeMs: number): Promise<void> => {
    const row = { hash: hashOf(text), kind, body: JSON.stringify(body), until: now() + lifeMs };
    await db.insertInto('vouchers').values(row).execute();
  };
  let swept = 0;
  return {
    async issue(kind, body, lifeMs) {
      if (now() > swept + SWEEP_EVERY_MS) {
        swept = now();
        await db.deleteFrom('vouchers').where('until', '<=', swept).execute();
      }
      const voucher = newSecretText();
      await insert(kind, voucher, body, lifeMs);
      return voucher;
    },
    async redeem(kind, voucher) {
      const row = await db
        .deleteFrom('vouchers')
        .where('hash', '=', hashOf(voucher))
        .where('kind', '=', kind)
        .returning(['body', 'until'])
        .executeTakeFirst();
      return row && row.until > now() ? (JSON.parse(row.body) as unknown) : undefined;
    },
    async useUp(kind, text, lifeMs) {
      try {
        await insert(kind, `${kind} ${text}`, {}, lifeMs);
        return true;
      } catch (error) {
        if (error instanceof UniqueViolation) return false;
        throw error;
      }
    },
  };
}
