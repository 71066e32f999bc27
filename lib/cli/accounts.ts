import { openAccounts, type Accounts } from '../accounts/accounts.ts';
import { accountsFromConfig } from '../accounts/from-config.ts';
import { readConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { openLog } from '../log.ts';
import { connectDatabase } from '../store/database.ts';

/** Opens the accounts of the settings in this process. Closing them closes their database and log. Throws an AppError. */
export async function openOwnAccounts(): Promise<Accounts> {
  const config = readConfig();
  const { databaseUrl, sqliteSynchronous: synchronous } = config;
  if (databaseUrl === 'sqlite::memory:')
    throw new AppError(
      'invalid_request',
      'DATABASE_URL is in memory, so no user would be kept. Set another.',
    );
  // The same log as that of the server: changes of users are seen there, too.
  const log = await openLog({ level: config.logLevel, file: config.logFile, pretty: process.stderr.isTTY });
  // In reverse order: the log is closed last, so that it gets the faults of the others.
  const undo: (() => Promise<void>)[] = [() => log.close()];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const onError = (error: unknown): void => log.error({ err: error }, 'the database');
    const database = await connectDatabase({ databaseUrl, synchronous, onError });
    undo.push(() => database.close());
    const accounts = openAccounts({ ...accountsFromConfig(config, log, fetch), db: database.tables() });
    undo.push(() => accounts.close());
    return { ...accounts, close };
  } catch (error) {
    await close();
    throw error;
  }
}
