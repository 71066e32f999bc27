import { networkOf } from '../common/addresses.ts';
import { AppError } from '../errors.ts';
import type { RequestSource } from './audit.ts';
import type { AccountsContext } from './context.ts';
import { createThrottle } from './throttle.ts';

/** Whether people may make accounts for themselves. `approval`: an admin approves each before it may use devices. */
export type RegistrationMode = 'closed' | 'approval' | 'open';

/** The rules of accounts that people make for themselves, in whichever way: with a password, a telephone or a provider. */
export interface Registration {
  /**
   * Makes an account for the person who asks for it. `make` gets whether the account is approved at once. Rejects with
   * `forbidden` where registration is closed, and with `too_many_requests` after a hundred accounts from one network in a day.
   */
  admit<T>(client: RequestSource, make: (approved: boolean) => Promise<T>): Promise<T>;
}

/** How accounts may be made. */
export interface RegistrationOptions {
  mode: RegistrationMode;
  /** Whether other machines can reach the server. Strangers can register then. */
  reachable: boolean;
}

/** A school class behind one address registers without a wait. */
const FREE_REGISTRATIONS = 100;

/** Registration under these rules; all nodes count together. */
export function createRegistration(
  context: Pick<AccountsContext, 'db' | 'clock' | 'keys'>,
  { mode, reachable }: RegistrationOptions,
): Registration {
  const throttle = createThrottle(context, { free: FREE_REGISTRATIONS, forgives: false });
  return {
    async admit({ address }, make) {
      if (mode === 'closed')
        throw new AppError(
          'forbidden',
          'This server takes no registrations: ask an admin for an account (`lite-agent user add NAME`).',
        );
      const approved = mode === 'open' && !reachable;
      if (address === undefined) return make(approved);
      return throttle.count(`registration from ${networkOf(address)}`, () => make(approved));
    },
  };
}
