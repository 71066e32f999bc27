import { sql } from 'kysely';
import { openAccounts, type Accounts, type AccountsOptions } from '../../lib/accounts/accounts.ts';
import type { AccountsDb, AccountTables } from '../../lib/accounts/schema.ts';
import type { OutgoingText } from '../../lib/accounts/senders.ts';
import type { Tokens } from '../../lib/accounts/sign-ins.ts';
import type { User } from '../../lib/accounts/users.ts';
import { loadSigningKeys, type SigningKeys } from '../../lib/accounts/signing-keys.ts';
import { connectDatabase, type Database } from '../../lib/store/database.ts';
import { outcomeOf } from './refusal.ts';
import { createTestClock } from './test-clock.ts';

/** A password that may be one. */
export const goodPassword = 'correct horse battery';
/** Hashes in no time; nobody outside of specs would take them. */
export const cheap = { memoryCost: 8, timeCost: 1, parallelism: 1 };
export const testSecret = 'a-secret-for-specs-0123456789-abcdefgh';

export function testKeys(...secrets: string[]): SigningKeys {
  const all = secrets.length > 0 ? secrets : [testSecret];
  return loadSigningKeys({ secrets: all, dataDir: '/nowhere', inMemory: true });
}

/** Accounts over a database of their own, with a clock that the test turns. */
export interface TestAccounts extends Accounts {
  readonly database: Database;
  readonly db: AccountsDb;
  readonly mails: OutgoingText[];
  readonly texts: OutgoingText[];
  readonly errors: unknown[];
  /** Ms that are added to the real time. */
  skew: number;
  /** Holds the time of day: only `skew` moves it. */
  holdTime(): void;
  /** All rows of all tables as text. */
  dump(): Promise<string>;
}

/** Opens accounts; further processes on the same database are opened with its `database`. */
export async function openTestAccounts(
  options: Partial<AccountsOptions> & { databaseUrl?: string; database?: Database } = {},
): Promise<TestAccounts> {
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const { databaseUrl = 'sqlite::memory:', database: given, ...more } = options;
  const database = given ?? (await connectDatabase({ databaseUrl, onError }));
  const db = database.tables<AccountTables>();
  const mails: OutgoingText[] = [];
  const texts: OutgoingText[] = [];
  const clock = createTestClock();
  const accounts = openAccounts({
    db,
    keys: testKeys(),
    mail: { send: async (mail) => void mails.push(mail) },
    sms: { send: async (text) => void texts.push(text) },
    oauth: { secrets: {}, returnUrls: [], fetch },
    onError,
    passwordCost: cheap,
    clock,
    lookEveryMs: 20,
    ...more,
  });
  return {
    ...accounts,
    get skew() {
      return clock.skew;
    },
    set skew(ms) {
      clock.skew = ms;
    },
    holdTime: () => clock.hold(),
    database,
    db,
    mails,
    texts,
    errors,
    async dump() {
      const tables = await db.introspection.getTables();
      const rows = await Promise.all(
        tables.map(async ({ name }) => ({
          name,
          rows: (await sql`select * from ${sql.table(name)}`.execute(db)).rows,
        })),
      );
      return JSON.stringify(rows);
    },
    async close() {
      await accounts.close();
      if (!given) await database.close();
    },
  };
}

/** Accounts for every test of a suite, all over one database. */
export interface AccountsUnderTest {
  readonly accounts: TestAccounts;
  /** How many users were made. */
  readonly count: number;
  /** A user that no other test has: `user-<count>`, `User.<count>@example.com`. */
  newUser(): Promise<User>;
  begin(user: User): Promise<Tokens>;
  /** What comes of showing the access token. */
  codeOf(tokens: Tokens): Promise<string>;
}

/** Opens accounts before each test of the suite that calls it, and closes them after; no error may be left. */
export function useAccounts(open: () => Promise<Database>): AccountsUnderTest {
  let database: Database;
  let accounts: TestAccounts;
  let count = 0;
  before(async () => {
    database = await open();
  });
  after(() => database.close());
  beforeEach(async () => {
    accounts = await openTestAccounts({ database });
  });
  afterEach(async () => {
    await accounts.close();
    if (accounts.errors.length > 0) throw new AggregateError(accounts.errors, 'errors were told');
  });
  return {
    get accounts() {
      return accounts;
    },
    get count() {
      return count;
    },
    newUser() {
      count += 1;
      const user = { username: `user-${count}`, email: `User.${count}@example.com` };
      return accounts.passwords.register({ ...user, password: goodPassword });
    },
    begin: (user) => accounts.signIns.begin(user.uuid, { method: 'test' }),
    codeOf: (tokens) => outcomeOf(accounts.access.identify(tokens.accessToken)),
  };
}
