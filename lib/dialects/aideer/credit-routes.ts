import type { RedeemCode } from '../../credits/redeem-codes.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import { accountOf } from '../account.ts';
import type { Parts } from '../dialect.ts';
import { Refusal } from '../refusal.ts';
import { anything, message, sortedPageOf, sortedPageQuery, storable, timeOf } from './shapes.ts';

/** A code as people type it: upper and lower case are the same. It has at least six characters. */
const code = { type: 'string', maxLength: 100, pattern: storable } as const;
/** The most credits of one code. It fits into 32 bits, as the column does. */
const VALUE_MAX = 1_000_000_000;

type CreditParts = Pick<Parts, 'ledger' | 'redeemCodes' | 'accounts'>;

/** The credits of the caller, and the codes that add credits. */
export function createCreditRoutes(parts: CreditParts): Route[] {
  return [listCredits(parts), redeem(parts), createCode(parts), readCode(parts), removeCode(parts)];
}

/** A page has 100 records when the client sets no limit. The balance is the sum of all records, not of the page. */
function listCredits({ ledger }: CreditParts): Route {
  return route({
    method: 'GET',
    path: '/users/me/credits',
    summary: 'The credit records of the caller, newest first, and the balance.',
    access: 'look',
    query: sortedPageQuery,
    answer: {
      type: 'object',
      required: ['credit_records', 'credits_left'],
      properties: { credit_records: { type: 'array', items: anything }, credits_left: { type: 'integer' } },
    },
    async handle({ caller, query }) {
      accountOf(caller);
      const records = await ledger.records(caller.id, sortedPageOf({ limit: '100', ...query }));
      return {
        credit_records: records.map(({ id, amount, kind, reference, createdAt }) => ({
          id,
          // Positive: the account gets it.
          amount,
          type: kind,
          // Every record but that of a code belongs to a task.
          ...(kind !== 'redeem' && { task_id: reference }),
          create_time: timeOf(createdAt),
        })),
        credits_left: await ledger.balance(caller.id),
      };
    },
  });
}

/** A code is redeemed once, also when many requests bring it at the same time (contract 5). */
function redeem({ redeemCodes, accounts: { guesses } }: CreditParts): Route {
  return route({
    method: 'POST',
    path: '/users/me/credits',
    summary: 'Redeems a code.',
    access: 'chat',
    body: {
      type: 'object',
      required: ['redeem_code'],
      examples: [{ redeem_code: 'EVENING-2030' }],
      properties: { redeem_code: { type: 'string' } },
    },
    answer: message,
    async handle({ caller, body, client: { address } }) {
      accountOf(caller);
      const value = await guesses.attempt('redeem code', { user: caller.id, address }, async () => {
        const added = await redeemCodes.redeem(body.redeem_code, caller.id);
        // A code that was used before is no guess: many may have the same one.
        const isKnown = added !== undefined || (await redeemCodes.find(body.redeem_code)) !== undefined;
        return isKnown ? { passed: true, value: added } : { passed: false };
      });
      // One answer for all bad codes, so that a guess reveals nothing.
      if (value === undefined) throw new Refusal(422, 'The code is not valid.');
      return { message: `${value} credits were added.` };
    },
  });
}

/** The code is stored as a hash. This answer is the only place that shows a random one. */
function createCode(parts: CreditParts): Route {
  const { redeemCodes } = parts;
  return route({
    method: 'POST',
    path: '/codes',
    summary: 'Creates a code, for admins. Without one in the body it is random, and is shown this once.',
    access: 'manage credits',
    body: {
      type: 'object',
      required: ['value'],
      examples: [{ redeem_code: 'EVENING-2030', value: 1000, expire_time: '2030-01-31T12:00:00Z' }],
      properties: {
        redeem_code: code,
        value: { type: 'integer', minimum: 1, maximum: VALUE_MAX },
        expire_time: { type: 'string' },
      },
    },
    answer: anything,
    async handle({ body }) {
      const { redeem_code: wanted, value, expire_time: until } = body;
      const expiresAt = until === undefined ? undefined : Date.parse(until);
      if (Number.isNaN(expiresAt))
        throw new AppError('invalid_request', 'expire_time must be a time such as 2030-01-31T12:00:00Z.');
      const made = await redeemCodes.create({
        value,
        ...(wanted !== undefined && { code: wanted }),
        ...(expiresAt !== undefined && { expiresAt }),
      });
      return { redeem_code: made.code, ...(await formatCode(parts, made)) };
    },
  });
}

/** An admin must know the code to see it: there is no list of codes. */
function readCode(parts: CreditParts): Route {
  const { redeemCodes } = parts;
  return route({
    method: 'GET',
    path: '/codes/:code',
    summary: 'Shows a code, for admins.',
    access: 'manage credits',
    answer: anything,
    async handle({ params }) {
      const known = await redeemCodes.find(params.code);
      if (!known) throw new AppError('not_found', 'There is no such code.');
      return { redeem_code: params.code, ...(await formatCode(parts, known)) };
    },
  });
}

/** A removed code answers the same as one that never was. The credits that it gave are records of their own. */
function removeCode({ redeemCodes }: CreditParts): Route {
  return route({
    method: 'DELETE',
    path: '/codes/:code',
    summary: 'Removes a code, for admins. Credits that it has added stay.',
    access: 'manage credits',
    answer: message,
    async handle({ params }) {
      if (await redeemCodes.remove(params.code)) return { message: 'The code is removed.' };
      throw new AppError('not_found', 'There is no such code.');
    },
  });
}

/** A code for admins: who redeemed it and when, null while nobody has. */
async function formatCode({ accounts }: CreditParts, known: RedeemCode) {
  const by = known.redeemedBy === null ? undefined : await accounts.users.find(known.redeemedBy);
  return {
    value: known.value,
    redeemed: known.redeemedAt !== null,
    // Also null when the user was removed.
    redeemed_by: by?.id ?? null,
    redeem_time: known.redeemedAt === null ? null : timeOf(known.redeemedAt),
    expire_time: known.expiresAt === null ? null : timeOf(known.expiresAt),
    create_time: timeOf(known.createdAt),
  };
}
