import { randomInt } from 'node:crypto';
import { sql } from 'kysely';
import { AppError, messageOf } from '../errors.ts';
import type { RequestSource } from './audit.ts';
import type { AccountsContext } from './context.ts';
import type { Guesses } from './guesses.ts';
import type { Identities } from './identities.ts';
import type { Sender } from './senders.ts';
import type { SigningKey } from './signing-keys.ts';
import type { SignInLife, SignIns, Tokens } from './sign-ins.ts';
import { networkOf } from '../common/addresses.ts';
import { createThrottle, type Throttle } from './throttle.ts';
import { checkTelephone } from './user-names.ts';

/**
 * Signing in with a code that is sent to a telephone. A code has six digits and is valid once, for five minutes and five
 * guesses. A number gets at most one code a minute, and fewer and fewer after ten in a row.
 *
 * Contract: rejects with an AppError: `invalid_request` for a text that is no number, `too_many_requests`, `unavailable` when
 * the code cannot be sent, `unauthorized` for a code that is not valid.
 */
export interface TextCodes {
  /** Sends a code. */
  send(telephone: string, client?: RequestSource): Promise<void>;
  /** Signs in; an unknown number makes a new user. */
  signIn(options: { telephone: string; code: string; client?: RequestSource } & SignInLife): Promise<Tokens>;
  /** Uses up a code, to prove that the caller has the number; resolves with the number in its plain form. */
  verify(telephone: string, code: string, client?: RequestSource): Promise<string>;
}

/** What text codes need. */
export interface TextCodeParts {
  context: AccountsContext;
  identities: Identities;
  signIns: SignIns;
  sms: Sender;
  guesses: Guesses;
}

/** How long a code is valid. */
const LIFE_MS = 5 * 60_000;
/** A number gets its next code no sooner. */
const AGAIN_AFTER_MS = 60_000;
/** Five guesses at a million codes. */
const GUESSES = 5;
/** Every code that is sent counts; after ten a number waits longer and longer. */
const FREE_SENDS = 10;
const FREE_SENDS_OF_NETWORK = 30;
const CODES_COUNT = 1_000_000;
const CODE_LENGTH = 6;

/** Codes over their table. */
export function createTextCodes(parts: TextCodeParts): TextCodes {
  return new StoredTextCodes(parts);
}

/** Text codes with their throttles. */
class StoredTextCodes implements TextCodes {
  readonly #parts: TextCodeParts;
  readonly #sends: Throttle;
  readonly #sendsOfNetwork: Throttle;

  constructor(parts: TextCodeParts) {
    this.#parts = parts;
    const throttle = (free: number) => createThrottle(parts.context, { free, forgives: false });
    this.#sends = throttle(FREE_SENDS);
    this.#sendsOfNetwork = throttle(FREE_SENDS_OF_NETWORK);
  }

  async send(text: string, { address }: RequestSource = {}): Promise<void> {
    const telephone = checkTelephone(text);
    await this.#countSend(telephone, address, async () => {
      const code = String(randomInt(CODES_COUNT)).padStart(CODE_LENGTH, '0');
      await this.#store(telephone, code);
      await this.#hand(telephone, code);
    });
  }

  async signIn(
    options: { telephone: string; code: string; client?: RequestSource } & SignInLife,
  ): Promise<Tokens> {
    const { identities, signIns } = this.#parts;
    const { telephone: text, code, client = {}, ...life } = options;
    const telephone = await this.verify(text, code, client);
    const identity = { provider: 'telephone', issuer: 'telephone', subject: telephone };
    const { address } = client;
    const user = await identities.userOf(identity, { name: nameFor(telephone) }, { address });
    return signIns.begin(user.uuid, { ...life, method: 'telephone', client });
  }

  async verify(text: string, code: string, { address }: RequestSource = {}): Promise<string> {
    const telephone = checkTelephone(text);
    const isRight = await this.#parts.guesses.attempt('text code', { address }, async () =>
      (await this.#use(telephone, code.trim())) ? { passed: true, value: true } : { passed: false },
    );
    if (isRight) return telephone;
    const detail = { method: 'telephone' };
    await this.#parts.context.audit.record({ event: 'sign_in_failed', address, detail });
    throw new AppError('unauthorized', 'The code is wrong, used or too old.');
  }

  /** Stores a code in the place of the last one; `too_many_requests` when that is less than a minute old. */
  async #store(telephone: string, code: string): Promise<void> {
    const { db, clock, keys } = this.#parts.context;
    const at = clock.now();
    const hash = digestOf(keys.current, telephone, code);
    const row = { telephone, hash, attempts: 0, sent_at: at, until: at + LIFE_MS };
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
    if (stored) return;
    const text = 'A code was sent less than a minute ago: wait a minute before the next.';
    throw new AppError('too_many_requests', text, { retryAfterSeconds: AGAIN_AFTER_MS / 1000 });
  }

  /** Hands a code to the service that sends it. */
  async #hand(telephone: string, code: string): Promise<void> {
    const text = `Your code is ${code}. It is valid for five minutes; tell it to nobody.`;
    try {
      await this.#parts.sms.send({ to: telephone, text, code });
    } catch (cause) {
      throw new AppError('unavailable', 'The code could not be sent; try again in a minute.', {
        cause: new Error(messageOf(cause), { cause }),
      });
    }
  }

  /** Uses up a code; false for a wrong, used or expired one. */
  async #use(telephone: string, code: string): Promise<boolean> {
    const { db, clock, keys } = this.#parts.context;
    // The guess is counted before it is compared: guesses at the same time cannot get around the count.
    const row = await db
      .updateTable('text_codes')
      .set({ attempts: sql<number>`attempts + 1` })
      .where('telephone', '=', telephone)
      .where('attempts', '<', GUESSES)
      .where('until', '>', clock.now())
      .returning('hash')
      .executeTakeFirst();
    if (!row || !keys.all.some((key) => digestOf(key, telephone, code) === row.hash)) return false;
    // The used code stays as a row that no guess fits, so that the next code is not sent at once.
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

  /** Every send counts, so each is a "failure" that no success removes. */
  async #countSend(telephone: string, address: string | undefined, run: () => Promise<void>): Promise<void> {
    const count = (throttle: Throttle, key: string, work: () => Promise<unknown>) =>
      throttle.attempt(key, async () => (await work(), { passed: false as const }));
    const send = () => count(this.#sends, `send ${telephone}`, run);
    if (address === undefined) await send();
    else await count(this.#sendsOfNetwork, `send from ${networkOf(address)}`, send);
  }
}

/** The stored form of a code: a keyed digest, as a million codes are soon tried. */
function digestOf(key: SigningKey, telephone: string, code: string): string {
  return key.digest('code', `${telephone} ${code}`);
}

/** A name that does not reveal the number. */
function nameFor(telephone: string): string {
  return `user …${telephone.slice(-4)}`;
}
