import type { Audit } from './audit.ts';
import type { Endings } from './endings.ts';
import type { AccountsDb } from './schema.ts';
import type { SigningKeys } from './signing-keys.ts';

/** What every part of the accounts stands on. */
export interface Ground {
  db: AccountsDb;
  /** Ms since the epoch. */
  now: () => number;
  keys: SigningKeys;
  audit: Audit;
  endings: Endings;
}
