import { randomInt } from 'node:crypto';
import { sql } from 'kysely';
import { AppError, messageOf } from '../errors.ts';
import type { RequestSource } from './audit.ts';
import type { AccountsContext } from './context.ts';
import type { Identities } from './identities.ts';
import type { Sender } from './senders.ts';
import type { SignInLife, SignIns, Tokens } from './sign-ins.ts';
import { createThrottle, networkOf } from './throttle.ts';
import { checkTelephone } from './user-names.ts';

/**
 * Signing in with a code that is sent to a telephone. Codes have six digits, are good once, for five minutes and five
 * guesses; one a minute is sent to a number, and after ten in a row ever fewer.
 *
 * Contract: rejects with an AppError: `invalid_request` for what is no number, `too_many_requests`, `unavailable` when the
 * code cannot be sent, `unauthorized` for a code that is not good.
 */
export interface TextCodes {
  send(telephone: string, client?: RequestSource): Promise<void>;
  /** Signs in; a number that nobody has makes a new user. */
  signIn(options: { telephone: string; code: string; client?: RequestSource } & SignInLife): Promise<Tokens>;
  /** Uses up a code, to prove that a number is the caller's; gives the number in its plain form. */
  verify(telephone: string, code: string, client?: RequestSource): Promise<string>;
}

export interface TextCodeParts {
  context: AccountsContext;
  identities: Identities;
  signIns: SignIns;
  sms: Sender;
}

const LIFE_MS = 5 * 60_000;
const AGAIN_AFTER_MS = 60_000;
const GUESSES = 5;
/** Each code sent counts; after ten a number waits longer and longer. */
const FREE_SENDS = 10;
const FREE_SENDS_OF_ADDRESS = 30;
const FREE_GUESSES_OF_ADDRESS = 50;

/** Codes over their table. */
export function createTextCodes({ context, identities, signIns, sms }: TextCodeParts): TextCodes {
  const { db, clock, keys, audit } = context;
  const sends = createThrottle(context, { free: FREE_SENDS, forgives: false });
  const sendsOfAddress = createThrottle(context, { free: FREE_SENDS_OF_ADDRESS, forgives: false });
  const guessesOfAddress = createThrottle(context, { free: FREE_GUESSES_OF_ADDRESS, forgives: false });
  const digestOf = (telephone: string, code: string, key = keys.current) =>
    key.digest('code', `${telephone} ${code}`);

  /** Takes the place of the code before it, if that is a minute old. */
  async function store(telephone: string, code: string): Promise<void> {
    const at = clock.now();
    const row = { telephone, hash: digestOf(telephone, code), attempts: 0, sent_at: at, until: at + LIFE_MS };
    const stored = await db
      .insertInto('text_codes')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .column('telephone')
          .doUpdateSet(row)
          .where('text_codes.sent_at', '<=', at - AGAIN_AFTER_MS),
      )
      .returning('telephone')
      .executeTakeFirst();
    if (!stored)
      throw new AppError(
        'too_many_requests',
        'A code was sent a moment ago: wait a minute before the next.',
        {
          retryAfterSeconds: AGAIN_AFTER_MS / 1000,
        },
      );
  }

  async function use(telephone: string, code: string): Promise<boolean> {
    const row = await db
      .updateTable('text_codes')
      .set({ attempts: sql<number>`attempts + 1` })
      .where('telephone', '=', telephone)
      .where('attempts', '<', GUESSES)
      .where('until', '>', clock.now())
      .returning('hash')
      .executeTakeFirst();
    if (!row || !keys.all.some((key) => digestOf(telephone, code, key) === row.hash)) return false;
    // It stays as a row that no guess fits, so that the next one is not sent at once.
    const used = await db
      .updateTable('text_codes')
      .set({ until: 0 })
      .where('telephone', '=', telephone)
      .where('hash', '=', row.hash)
      .where('until', '>', 0)
      .returning('telephone')
      .executeTakeFirst();
    return used !== undefined;
  }

  /** Every send counts, so each is a "failure" that is never made good. */
  async function counted(
    telephone: string,
    address: string | undefined,
    run: () => Promise<void>,
  ): Promise<void> {
    const one = () =>
      sends.attempt(`send ${telephone}`, async () => (await run(), { passed: false as const }));
    if (address === undefined) return void (await one());
    await sendsOfAddress.attempt(
      `send from ${networkOf(address)}`,
      async () => (await one(), { passed: false as const }),
    );
  }

  async function verify(text: string, code: string, { address }: RequestSource = {}): Promise<string> {
    const telephone = checkTelephone(text);
    const check = async () =>
      (await use(telephone, code.trim()))
        ? { passed: true as const, value: true }
        : { passed: false as const };
    const good =
      address === undefined
        ? (await check()).passed
        : await guessesOfAddress.attempt(`guess from ${networkOf(address)}`, check);
    if (good) return telephone;
    await audit.record({ event: 'sign_in_failed', address, detail: { method: 'telephone' } });
    throw new AppError('unauthorized', 'The code is wrong, used or too old.');
  }

  return {
    verify,
    async send(text, { address } = {}) {
      const telephone = checkTelephone(text);
      await counted(telephone, address, async () => {
        const code = String(randomInt(1_000_000)).padStart(6, '0');
        await store(telephone, code);
        await sms
          .send({
            to: telephone,
            text: `Your code is ${code}. It is good for five minutes; tell it to nobody.`,
            code,
          })
          .catch((cause: unknown) => {
            throw new AppError('unavailable', 'The code could not be sent; try again in a minute.', {
              cause: new Error(messageOf(cause), { cause }),
            });
          });
      });
    },
    async signIn({ telephone: text, code, client = {}, ...life }) {
      const telephone = await verify(text, code, client);
      const identity = { provider: 'telephone', issuer: 'telephone', subject: telephone };
      const { address } = client;
      const user = await identities.userOf(identity, { name: nameFor(telephone) }, { address });
      return signIns.begin(user.uuid, { ...life, method: 'telephone', client });
    },
  };
}

/** A name that does not tell the number. */
function nameFor(telephone: string): string {
  return `user …${telephone.slice(-4)}`;
}
