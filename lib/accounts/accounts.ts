/*
 * What a caller can show, and how it ends:
 *
 *   credential      lives                          stored as          ends by
 *   access token    15 minutes                     nothing (signed)   its sign-in, its expiry
 *   refresh token   until it is used               SHA-256            rotation; a repeat after 10 s ends the sign-in
 *   key             until it is revoked            SHA-256            revoke, the user's end
 *   ticket          30 seconds, once               SHA-256            use
 *   sign-in code    one minute, once               SHA-256            use
 *   text code       five minutes, five guesses     keyed digest       use
 *   password        until it is changed            argon2id           change, which ends all sign-ins
 *
 * Every request reads its sign-in and user from the database (principals.ts), so a revoked credential ends at once on
 * every node. Open connections are notified (endings.ts).
 */

import { systemClock, type Clock } from '../common/clock.ts';
import { startPeriodic } from '../common/periodic.ts';
import { createAccessTokens } from './access-tokens.ts';
import type { Access } from './access.ts';
import { createApiKeys, type ApiKeys } from './api-keys.ts';
import { createAudit, type Audit } from './audit.ts';
import type { AccountsContext } from './context.ts';
import { createFirstRequests, type FirstRequests } from './first-requests.ts';
import { createAccess } from './create-access.ts';
import { openEndings } from './endings.ts';
import { createGuesses, type Guesses } from './guesses.ts';
import { createIdentities, type Identities } from './identities.ts';
import { createOauth, type Oauth, type OauthOptions } from './oauth.ts';
import { createPasswordSignIns, type PasswordSignIns } from './password-sign-ins.ts';
import { createPasswords, type PasswordCost } from './passwords.ts';
import { createPrincipals } from './principals.ts';
import { createRegistration, type RegistrationOptions } from './registration.ts';
import type { AccountsDb } from './schema.ts';
import type { Sender } from './senders.ts';
import { createSignInCodes, type SignInCodes } from './sign-in-codes.ts';
import { createSignIns, type SignIns } from './sign-ins.ts';
import type { SigningKeys } from './signing-keys.ts';
import { sweepAccounts } from './sweep.ts';
import { createTextCodes, type TextCodes } from './text-codes.ts';
import { createTickets } from './tickets.ts';
import { createUserRemovals, type Removal } from './user-removal.ts';
import { createUsers, type Users } from './users.ts';
import { createVouchers } from './vouchers.ts';

/** The callers, and all the ways to prove who they are; shared by all dialects. */
export interface Accounts {
  readonly users: Users;
  readonly passwords: PasswordSignIns;
  readonly signIns: SignIns;
  readonly identities: Identities;
  readonly oauth: Oauth;
  readonly textCodes: TextCodes;
  readonly signInCodes: SignInCodes;
  readonly apiKeys: ApiKeys;
  readonly guesses: Guesses;
  readonly access: Access;
  readonly audit: Audit;
  readonly firstRequests: FirstRequests;
  /**
   * Lets the other parts of the server join when a user is removed, and starts to finish removals that an earlier process
   * left unfinished. Until it was called, a removed user's data stays, and a process that calls it removes the data.
   */
  joinRemovals(removals: readonly Removal[]): void;
  /** Removes expired vouchers, used codes and ended sign-ins, and goes on with unfinished removals; runs every ten minutes. */
  sweep(): Promise<void>;
  /** Stops the periodic jobs; the database belongs to the caller. */
  close(): Promise<void>;
}

/** What accounts are opened with. */
export interface AccountsOptions {
  db: AccountsDb;
  keys: SigningKeys;
  /** AUTH_TOKEN, the operator's. */
  authToken?: string | undefined;
  /** Who may make an account for himself; everybody on this machine when missing. */
  registration?: RegistrationOptions;
  /** Sends notices by e-mail. */
  mail: Sender;
  /** Sends codes to telephones. */
  sms: Sender;
  /** Signing in at other providers. */
  oauth: Pick<OauthOptions, 'secrets' | 'returnUrls' | 'fetch' | 'places'>;
  /** How many keys a user may have; any number when missing. */
  keysPerUserMaxCount?: number;
  /** Receives errors that belong to no request. */
  onError(error: unknown): void;
  passwordCost?: PasswordCost;
  clock?: Clock;
  /** How often credentials that other processes ended are looked for, in ms; 1000 when missing. */
  lookEveryMs?: number;
}

/** The rules of a server that only this machine can reach. */
const OPEN_HERE: RegistrationOptions = { mode: 'open', reachable: false };
/** Rows that have expired are ignored in any case; the sweep only frees room. */
const SWEEP_EVERY_MS = 10 * 60_000;

/** The accounts over a migrated database; several processes may share it. */
export function openAccounts(options: AccountsOptions): Accounts {
  const { db, keys, mail, sms, onError, clock = systemClock } = options;
  const audit = createAudit(db, clock, onError);
  const endings = openEndings(db, clock, onError, options.lookEveryMs);
  const context: AccountsContext = { db, clock, keys, audit, endings };
  const accessTokens = createAccessTokens(keys, clock);
  const removals = createUserRemovals(context, onError);
  const users = createUsers(context, removals);
  const signIns = createSignIns(context, accessTokens);
  const apiKeys = createApiKeys(context, options.keysPerUserMaxCount ?? Infinity, onError);
  const firstRequests = createFirstRequests(db, clock);
  const vouchers = createVouchers(context);
  const registration = createRegistration(context, options.registration ?? OPEN_HERE);
  const identities = createIdentities(context, registration);
  const guesses = createGuesses(context);
  const passwords = createPasswords(options.passwordCost);
  const access = createAccess({
    authToken: options.authToken,
    accessTokens,
    principals: createPrincipals(db, clock),
    apiKeys,
    tickets: createTickets(vouchers, clock),
    audit,
    endings,
  });
  let joined = false;
  async function sweep(): Promise<void> {
    await sweepAccounts(db, clock.now());
    if (joined) await removals.finish();
  }
  const sweeping = startPeriodic({ pauseMs: SWEEP_EVERY_MS, work: sweep, onError, clock });
  return {
    users,
    passwords: createPasswordSignIns({ context, passwords, users, signIns, registration, mail, onError }),
    signIns,
    identities,
    oauth: createOauth({ ...options.oauth, context, vouchers, identities }),
    textCodes: createTextCodes({ context, identities, signIns, sms, guesses }),
    signInCodes: createSignInCodes(vouchers, signIns, audit),
    apiKeys,
    guesses,
    access,
    audit,
    firstRequests,
    joinRemovals(all) {
      removals.join([...all, (user) => firstRequests.removeCaller(user)]);
      joined = true;
      void sweeping.run();
    },
    sweep,
    async close() {
      await sweeping.stop();
      await endings.close();
      await apiKeys.drain();
      await audit.drain();
    },
  };
}
