import type { Clock } from '../common/clock.ts';
import type { Audit } from './audit.ts';
import type { Endings } from './endings.ts';
import type { AccountsDb } from './schema.ts';
import type { SigningKeys } from './signing-keys.ts';

/** What all parts of the accounts share. */
export interface AccountsContext {
  db: AccountsDb;
  clock: Clock;
  keys: SigningKeys;
  audit: Audit;
  endings: Endings;
}
