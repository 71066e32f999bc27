import { availableParallelism } from 'node:os';
import { createFairGate, type FairGate } from '../common/fair-gate.ts';
import { AppError } from '../errors.ts';
import { isCommonPassword } from './common-passwords.ts';

/** The cost of a hash: memory in KiB, passes, lanes [RFC 9106 3.1]. */
export interface PasswordCost {
  memoryCost: number;
  timeCost: number;
  parallelism: number;
}

/**
 * Passwords and their argon2id hashes. The parties (networks, say) take turns, so that the many guesses of one do not delay another.
 * Without a party the work is the server's own.
 */
export interface Passwords {
  /** Throws `invalid_request` for a password that is too short, too long, common, or one of `known`. */
  check(password: string, known?: readonly (string | null | undefined)[]): void;
  /** The hash of a password, in PHC form. Rejects with `unavailable` when too many are being hashed, or with `too_many_requests`. */
  hash(password: string, party?: string): Promise<string>;
  /** The same for somebody who registers. Registrations wait for each other, and no sign-in waits for them. */
  hashNew(password: string, party?: string): Promise<string>;
  /** Whether the password has this hash; without a hash false, after the same time. */
  verify(hash: string | null | undefined, password: string, party?: string): Promise<boolean>;
  /** Whether a hash was made at another cost than the present one. */
  isOutdated(hash: string): boolean;
}

/** [NIST SP 800-63B 5.1.1.2] at least 8, and no rules about kinds of characters. */
const MIN_LENGTH = 8;
const MAX_LENGTH = 128;
/** More than the minimum of [OWASP Password Storage]. */
const COST: PasswordCost = { memoryCost: 65_536, timeCost: 3, parallelism: 1 };
/**
 * Hashes at the same time: each takes 64 MiB. Two for sign-ins and one for registrations leave one of the pool's four threads
 * free for files and host names.
 */
const AT_ONCE_MAX = 2;
/** More waiting sign-ins, and more waiting registrations, are refused at once. */
const WAITING = { waitingMaxCount: 100, allWaitingMaxCount: 200, waitMaxMs: 30_000, areShort: true };
const REGISTRATIONS_WAITING = { ...WAITING, waitingMaxCount: 50, allWaitingMaxCount: 100 };

/** Passwords of 8 to 128 characters; only the forms of one letter are made equal [NIST SP 800-63B 5.1.1.2]. */
export function createPasswords(cost: PasswordCost = COST): Passwords {
  const atOnce = Math.min(AT_ONCE_MAX, availableParallelism());
  const gate = createFairGate({ ...WAITING, atOnce, noun: 'sign-ins' });
  const registrations = createFairGate({ ...REGISTRATIONS_WAITING, atOnce: 1, noun: 'registrations' });
  const prefix = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$`;
  let dummyHash: Promise<string> | undefined;

  const hashIn = async (passing: FairGate, password: string, party?: string): Promise<string> => {
    const argon2 = await import('@node-rs/argon2');
    return passing(() => argon2.hash(formOf(password), cost), { party }); // its default is argon2id, version 19
  };
  const hash = (password: string, party?: string): Promise<string> => hashIn(gate, password, party);

  return {
    check(password, known = []) {
      const form = formOf(password);
      const length = Array.from(form).length;
      if (length < MIN_LENGTH) refuse(`is too short: at least ${MIN_LENGTH} characters`);
      if (length > MAX_LENGTH) refuse(`is too long: at most ${MAX_LENGTH} characters`);
      if (isCommonPassword(form)) refuse('is too common');
      if (known.some((text) => text && text.toLowerCase() === form.toLowerCase()))
        refuse('is the name or e-mail of the user');
    },
    hash,
    hashNew: (password, party) => hashIn(registrations, password, party),
    async verify(stored, password, party) {
      // A dummy hash of a random text takes the same time where there is no hash to compare with.
      dummyHash ??= hash(`${Math.random()}`).catch((error: unknown) => {
        dummyHash = undefined;
        throw error;
      });
      const against = stored ?? (await dummyHash);
      const { verify } = await import('@node-rs/argon2');
      const text = password.length > 4 * MAX_LENGTH ? '' : formOf(password);
      const matches = await gate(() => verify(against, text), { party });
      return matches && typeof stored === 'string' && text !== '';
    },
    isOutdated: (stored) => !stored.startsWith(prefix),
  };
}

/** The form that is hashed: equal letters in other forms are the same password. */
function formOf(password: string): string {
  return password.normalize('NFKC');
}

function refuse(detail: string): never {
  throw new AppError('invalid_request', `The password ${detail}.`, {
    faults: [{ pointer: '/password', detail }],
  });
}
