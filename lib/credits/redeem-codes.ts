import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { systemClock, type Clock } from '../common/clock.ts';
import { AppError } from '../errors.ts';
import type { Ledger } from './ledger.ts';
import type { CreditsDb } from './schema.ts';

/** A redeem code, without the code itself: the server does not know it any more. */
export interface RedeemCode {
  value: number;
  /** Ms since the epoch; null: never. */
  createdAt: number;
  expiresAt: number | null;
  redeemedAt: number | null;
  /** The user's uuid. */
  redeemedBy: string | null;
}

/** Codes that give credits once. Upper and lower case are the same. Stored as keyed digests. */
export interface RedeemCodes {
  /** Makes the given code, or a random one. `conflict` when the code exists, `invalid_request` for one that can be guessed. */
  create(code: { code?: string; value: number; expiresAt?: number }): Promise<RedeemCode & { code: string }>;
  /** A code as it is stored; undefined for an unknown one. */
  find(code: string): Promise<RedeemCode | undefined>;
  /** False when there is no such code. Credits that it gave stay on their account. */
  remove(code: string): Promise<boolean>;
  /** Adds the code's value to the owner's account; undefined when the code is unknown, used or expired. */
  redeem(code: string, owner: string): Promise<number | undefined>;
  /** Forgets that an owner redeemed codes; the codes stay used. */
  forgetOwner(owner: string): Promise<void>;
}

/** Without letters and digits that look like others. */
const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
/** 100 bits: nobody guesses a code. */
const RANDOM_LENGTH = 20;
/** The least length of a code that an admin chooses, in characters. Wrong guesses cost a growing wait. */
const MIN_LENGTH = 6;

/** Codes over their table; the digests' key is derived from the server's secret [RFC 5869]. */
export function createRedeemCodes(
  db: CreditsDb,
  ledger: Ledger,
  secret: string,
  clock: Clock = systemClock,
): RedeemCodes {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'lite-agent redeem codes 1', 32));
  const hashOf = (code: string): string =>
    createHmac('sha256', key).update(plain(code).toUpperCase()).digest('base64url');

  return {
    async create({ code = randomCode(), value, expiresAt }) {
      if (Array.from(plain(code)).length < MIN_LENGTH)
        throw new AppError('invalid_request', `The code is too short: at least ${MIN_LENGTH} characters.`, {
          faults: [{ pointer: '/redeem_code', detail: `has fewer than ${MIN_LENGTH} characters` }],
        });
      const row = {
        hash: hashOf(code),
        id: clock.newId(),
        value,
        created_at: clock.now(),
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
      if (!made) throw new AppError('conflict', 'The code exists already: choose another.');
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
          .set({ redeemed_by: owner, redeemed_at: clock.now() })
          .where('hash', '=', hashOf(code))
          .where('redeemed_at', 'is', null)
          .where(({ or, eb }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', clock.now())]))
          .returning(['id', 'value'])
          .executeTakeFirst();
        if (!row) return undefined;
        await ledger.add(owner, row.value, row.id, trx);
        return row.value;
      }),

    async forgetOwner(owner) {
      await db
        .updateTable('redeem_codes')
        .set({ redeemed_by: null })
        .where('redeemed_by', '=', owner)
        .execute();
    },
  };
}

/** A code as it is compared: without space around it, equal letters in one form. */
function plain(code: string): string {
  return code.trim().normalize('NFKC');
}

/** The code of a row. */
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

/** A code of random signs; 256 is a multiple of 32, so each sign is equally likely. */
function randomCode(): string {
  return Array.from(randomBytes(RANDOM_LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
}
