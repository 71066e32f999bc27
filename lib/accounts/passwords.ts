import { availableParallelism } from 'node:os';
import { AppError } from '../errors.ts';
import { isCommonPassword } from './common-passwords.ts';
import { createGate } from './gate.ts';

/** What a hash costs: memory in KiB, passes, lanes. */
export interface PasswordCost {
  memoryCost: number;
  timeCost: number;
  parallelism: number;
}

/** Passwords and their argon2id hashes. */
export interface Passwords {
  /** Throws `invalid_request` for a password that must not be: too short, too long, common, or one of `known`. */
  check(password: string, known?: readonly (string | null | undefined)[]): void;
  hash(password: string): Promise<string>;
  /** False for no hash too, after the same time. */
  verify(hash: string | null | undefined, password: string): Promise<boolean>;
  /** Whether a hash was made at another cost than today's. */
  isOutdated(hash: string): boolean;
}

const LEAST = 8;
const MOST = 128;
/** OWASP's second choice of today, above its least one. */
const COST: PasswordCost = { memoryCost: 65_536, timeCost: 3, parallelism: 1 };
/** Hashes at the same time: 64 MiB each, and always one thread of the pool's four left for files and names. */
const AT_ONCE_MAX = 3;
const WAITING_MAX_COUNT = 200;
const WAIT_MAX_MS = 30_000;

/** Passwords of 8 to 128 characters, taken as they are but for the forms of one letter [NIST SP 800-63B 5.1.1.2]. */
export function createPasswords(cost: PasswordCost = COST): Passwords {
  const gate = createGate({
    atOnce: Math.min(AT_ONCE_MAX, availableParallelism()),
    waitingMaxCount: WAITING_MAX_COUNT,
    waitMaxMs: WAIT_MAX_MS,
  });
  const prefix = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$`;
  let nobodys: Promise<string> | undefined;

  const hash = async (password: string): Promise<string> => {
    const argon2 = await import('@node-rs/argon2');
    return gate(() => argon2.hash(formOf(password), cost)); // its default is argon2id, version 19
  };

  return {
    check(password, known = []) {
      const form = formOf(password);
      const length = Array.from(form).length;
      if (length < LEAST) refuse(`is too short: at least ${LEAST} characters`);
      if (length > MOST) refuse(`is too long: at most ${MOST} characters`);
      if (isCommonPassword(form)) refuse('is one of those that are tried first');
      if (known.some((text) => text && text.toLowerCase() === form.toLowerCase()))
        refuse('is the name or e-mail of the user');
    },
    hash,
    async verify(stored, password) {
      // Nobody's hash of a random text keeps the time the same where there is nothing to compare with.
      nobodys ??= hash(`${Math.random()}`).catch((error: unknown) => {
        nobodys = undefined;
        throw error;
      });
      const against = stored ?? (await nobodys);
      const { verify } = await import('@node-rs/argon2');
      const text = password.length > 4 * MOST ? '' : formOf(password);
      const matches = await gate(() => verify(against, text));
      return matches && typeof stored === 'string' && text !== '';
    },
    isOutdated: (stored) => !stored.startsWith(prefix),
  };
}

function formOf(password: string): string {
  return password.normalize('NFKC');
}

function refuse(detail: string): never {
  throw new AppError('invalid_request', `The password ${detail}.`, {
    faults: [{ pointer: '/password', detail }],
  });
}
