import { createAccessTokens } from './access-tokens.ts';
import type { Access } from './access.ts';
import { openApiKeys, type ApiKeys } from './api-keys.ts';
import { openAudit, type Audit } from './audit.ts';
import { createAccess } from './create-access.ts';
import { openEndings } from './endings.ts';
import type { Ground } from './ground.ts';
import { openIdentities, type Identities } from './identities.ts';
import { createOauth, type Oauth, type OauthOptions } from './oauth.ts';
import { createPasswordSignIns, type PasswordSignIns } from './password-sign-ins.ts';
import { createPasswords, type PasswordCost } from './passwords.ts';
import { openPrincipals } from './principals.ts';
import type { AccountsDb } from './schema.ts';
import type { Sender } from './senders.ts';
import { createSignInCodes, type SignInCodes } from './sign-in-codes.ts';
import { openSignIns, type SignIns } from './sign-ins.ts';
import type { SigningKeys } from './signing-keys.ts';
import { sweepAccounts } from './sweep.ts';
import { createTextCodes, type TextCodes } from './text-codes.ts';
import { createTickets } from './tickets.ts';
import { openUsers, type Users } from './users.ts';
import { openVouchers } from './vouchers.ts';

/** Who may call, and everything by which they show it; what all dialects share. */
export interface Accounts {
  readonly users: Users;
  readonly passwords: PasswordSignIns;
  readonly signIns: SignIns;
  readonly identities: Identities;
  readonly oauth: Oauth;
  readonly textCodes: TextCodes;
  readonly signInCodes: SignInCodes;
  readonly apiKeys: ApiKeys;
  readonly access: Access;
  readonly audit: Audit;
  /** Takes away what is over; done by itself every ten minutes. */
  sweep(): Promise<void>;
  /** Stops what runs by itself; the database is the caller's. */
  close(): Promise<void>;
}

export interface AccountsOptions {
  db: AccountsDb;
  keys: SigningKeys;
  /** AUTH_TOKEN, the operator's. */
  authToken?: string | undefined;
  /** Carries notices by e-mail. */
  mail: Sender;
  /** Carries codes to telephones. */
  sms: Sender;
  /** Signing in elsewhere. */
  oauth: Pick<OauthOptions, 'secrets' | 'returnUrls' | 'fetch' | 'places'>;
  onError(error: unknown): void;
  passwordCost?: PasswordCost;
  /** Ms since the epoch. */
  now?: () => number;
  /** How often it is looked at what other processes ended. */
  lookEveryMs?: number;
}

const SWEEP_EVERY_MS = 10 * 60_000;

/**
 * The accounts over a migrated database; several processes may share it. What the database throws comes as AppError
 * `unavailable` from all of them.
 */
export function openAccounts(options: AccountsOptions): Accounts {
  const { db, keys, mail, sms, onError, now = Date.now } = options;
  const audit = openAudit(db, now, onError);
  const endings = openEndings(db, now, onError, options.lookEveryMs);
  const ground: Ground = { db, now, keys, audit, endings };
  const accessTokens = createAccessTokens(keys, now);
  const users = openUsers(ground);
  const signIns = openSignIns(ground, accessTokens);
  const apiKeys = openApiKeys(ground, onError);
  const passwords = createPasswords(options.passwordCost);
  const vouchers = openVouchers(ground);
  const identities = openIdentities(ground);
  const access = createAccess({
    authToken: options.authToken,
    accessTokens,
    principals: openPrincipals(db, now),
    apiKeys,
    tickets: createTickets(vouchers, now),
    audit,
    endings,
  });
  const sweep = () => sweepAccounts(db, now());
  let sweeping: Promise<void> | undefined;
  const timer = setInterval(() => {
    sweeping = sweep().catch(onError);
  }, SWEEP_EVERY_MS).unref();
  const textCodes = createTextCodes({ ground, identities, signIns, sms });
  const passwordSignIns = createPasswordSignIns({ ground, passwords, users, signIns, mail, onError });
  const oauth = createOauth({ ...options.oauth, ground, vouchers, identities });
  return {
    users,
    passwords: passwordSignIns,
    signIns,
    identities,
    oauth,
    textCodes,
    signInCodes: createSignInCodes(vouchers, signIns, audit),
    apiKeys,
    access,
    audit,
    sweep,
    async close() {
      clearInterval(timer);
      await sweeping;
      await endings.close();
      await apiKeys.drain();
      await audit.drain();
    },
  };
}
