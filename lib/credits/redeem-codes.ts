import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { v4 as newUuid } from 'uuid';
import { AppError } from '../errors.ts';
import type { Ledger } from './ledger.ts';
import type { CreditsDb } from './schema.ts';

/** A code as it can be told after it was made: the code itself is known to whoever has it. */
export interface RedeemCode {
  value: number;
  /** Ms since the epoch; null: never. */
  createdAt: number;
  expiresAt: number | null;
  redeemedAt: number | null;
  /** The user's uuid. */
  redeemedBy: string | null;
}

/** Codes that give credits once. Letters count the same in both cases. Stored as keyed digests. */
export interface RedeemCodes {
  /** A code of one's own choice, or a random one. `conflict` when there is one like it. */
  create(code: { code?: string; value: number; expiresAt?: number }): Promise<RedeemCode & { code: string }>;
  find(code: string): Promise<RedeemCode | undefined>;
  /** False when there is no such code. What it gave stays given. */
  remove(code: string): Promise<boolean>;
  /** Puts the code's value on the owner's account; undefined when it is unknown, used or expired. */
  redeem(code: string, owner: string): Promise<number | undefined>;
}

/** No letter or digit that looks like another. */
const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
const RANDOM_LENGTH = 20;

/** Codes over their table; the digests' key is derived from the server's secret [RFC 5869]. */
export function openRedeemCodes(
  db: CreditsDb,
  ledger: Ledger,
  secret: string,
  now: () => number = Date.now,
): RedeemCodes {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'lite-agent redeem codes 1', 32));
  const hashOf = (code: string): string =>
    createHmac('sha256', key).update(code.trim().normalize('NFKC').toUpperCase()).digest('base64url');

  return {
    async create({ code = randomCode(), value, expiresAt }) {
      const row = {
        hash: hashOf(code),
        id: newUuid(),
        value,
        created_at: now(),
        expires_at: expiresAt ?? null,
        redeemed_by: null,
        redeemed_at: null,
      };
      const made = await db
        .insertInto('redeem_codes')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .returning('id')
        .executeTakeFirst();
      if (!made) throw new AppError('conflict', 'There is such a code already.');
      return { code, ...codeOf(row) };
    },

    async find(code) {
      const row = await db
        .selectFrom('redeem_codes')
        .selectAll()
        .where('hash', '=', hashOf(code))
        .executeTakeFirst();
      return row && codeOf(row);
    },

    async remove(code) {
      const row = await db
        .deleteFrom('redeem_codes')
        .where('hash', '=', hashOf(code))
        .returning('id')
        .executeTakeFirst();
      return row !== undefined;
    },

    redeem: (code, owner) =>
      db.transaction().execute(async (trx) => {
        const row = await trx
          .updateTable('redeem_codes')
          .set({ redeemed_by: owner, redeemed_at: now() })
          .where('hash', '=', hashOf(code))
          .where('redeemed_at', 'is', null)
          .where(({ or, eb }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', now())]))
          .returning(['id', 'value'])
          .executeTakeFirst();
        if (!row) return undefined;
        await ledger.add(owner, row.value, row.id, trx);
        return row.value;
      }),
  };
}

function codeOf(row: {
  value: number;
  created_at: number;
  expires_at: number | null;
  redeemed_at: number | null;
  redeemed_by: string | null;
}): RedeemCode {
  return {
    value: row.value,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    redeemedAt: row.redeemed_at,
    redeemedBy: row.redeemed_by,
  };
}

function randomCode(): string {
  return Array.from(randomBytes(RANDOM_LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
}
