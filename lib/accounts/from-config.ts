import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { AccountsOptions } from './accounts.ts';
import { createConsoleSender } from './senders.ts';
import { openSigningKeys } from './signing-keys.ts';

/** The settings of accounts as `openAccounts` takes them; makes the signing key at first start. Throws an AppError. */
export function accountsFromConfig(
  config: Pick<Config, 'jwtSecrets' | 'dataDir' | 'databaseUrl' | 'authToken'>,
  log: Log,
): Pick<AccountsOptions, 'keys' | 'authToken' | 'mail' | 'onError'> {
  const { jwtSecrets: secrets, dataDir, databaseUrl, authToken } = config;
  return {
    keys: openSigningKeys({ secrets, dataDir, inMemory: databaseUrl === 'sqlite::memory:' }),
    authToken,
    mail: createConsoleSender(log, 'mail'),
    onError: (error) => log.error({ err: error }, 'accounts: something could not be kept'),
  };
}
