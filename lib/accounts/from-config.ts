import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { AccountsOptions } from './accounts.ts';
import { createConsoleSender, createWebhookSender } from './senders.ts';
import { loadSigningKeys } from './signing-keys.ts';

/**
 * The settings of accounts as `openAccounts` takes them; makes the signing key at first start. `fetchIt` sends the
 * requests to providers and to the SMS webhook. Throws an AppError.
 */
export function accountsFromConfig(
  config: Config,
  log: Log,
  fetchIt: typeof fetch,
): Omit<AccountsOptions, 'db'> {
  const {
    jwtSecrets: secrets,
    dataDir,
    databaseUrl,
    authToken,
    providers,
    returnUrls,
    smsWebhookUrl,
    registration: mode,
    reachable,
    limits,
  } = config;
  return {
    keys: loadSigningKeys({ secrets, dataDir, inMemory: databaseUrl === 'sqlite::memory:' }),
    authToken,
    registration: { mode, reachable },
    mail: createConsoleSender(log, 'mail'),
    sms:
      // Without a service, codes are written into the log, for trials.
      smsWebhookUrl === undefined
        ? createConsoleSender(log, 'SMS')
        : createWebhookSender(smsWebhookUrl, fetchIt),
    oauth: { secrets: providers, returnUrls, fetch: fetchIt },
    keysPerUserMaxCount: limits.recordsPerOwnerMaxCount,
    onError: (error) => log.error({ err: error }, 'accounts: an entry could not be stored'),
  };
}
