import { networkOf } from '../common/addresses.ts';
import type { AccountsContext } from './context.ts';
import { createThrottle, type Attempt, type Throttle } from './throttle.ts';

/** The origin of a guess: a signed-in user, a network, or both. */
export interface Guesser {
  /** The user's uuid. */
  user?: string;
  address?: string | undefined;
}

/** Slows down guesses at codes that other parts of the server keep. */
export interface Guesses {
  /**
   * Runs a guess at a code of the kind `what`; undefined for a wrong one. Rejects with `too_many_requests` after ten wrong
   * guesses of a user, or fifty of a network, for a growing time.
   */
  attempt<T>(what: string, by: Guesser, run: () => Promise<Attempt<T>>): Promise<T | undefined>;
}

/** People mistype codes. A right code does not make up for wrong ones: nobody buys guesses with a code of his own. */
const FREE_GUESSES_OF_USER = 10;
/** Many users may share one network. */
const FREE_GUESSES_OF_NETWORK = 50;

/** Guesses over the table of failures; all nodes count together. */
export function createGuesses(context: Pick<AccountsContext, 'db' | 'clock' | 'keys'>): Guesses {
  const ofUser = createThrottle(context, { free: FREE_GUESSES_OF_USER, forgives: false });
  const ofNetwork = createThrottle(context, { free: FREE_GUESSES_OF_NETWORK, forgives: false });
  return {
    attempt(what, { user, address }, run) {
      const runAsUser = user === undefined ? run : () => within(ofUser, `${what} of ${user}`, run);
      if (address === undefined) return valueOf(runAsUser());
      return ofNetwork.attempt(`${what} from ${networkOf(address)}`, runAsUser);
    },
  };
}

/** Runs an attempt under a throttle, for another throttle around it. */
async function within<T>(
  throttle: Throttle,
  key: string,
  run: () => Promise<Attempt<T>>,
): Promise<Attempt<T>> {
  let outcome: Attempt<T> | undefined;
  await throttle.attempt(key, async () => (outcome = await run()));
  return outcome!;
}

async function valueOf<T>(attempt: Promise<Attempt<T>>): Promise<T | undefined> {
  const outcome = await attempt;
  return outcome.passed ? outcome.value : undefined;
}
