import { connectDatabase } from '../../lib/store/database.ts';
import { describeAccounts } from '../contracts/accounts.ts';
import { describeCodes } from '../contracts/sign-in-codes.ts';
import { describeSignIns } from '../contracts/sign-ins.ts';
import { openPostgresServer, type Postgres } from '../support/postgres.ts';

/** Of idle connections that end with the server. */
const onError = (): void => {};

describeAccounts('SQLite', () => connectDatabase({ databaseUrl: 'sqlite::memory:', onError }));
describeSignIns('SQLite', () => connectDatabase({ databaseUrl: 'sqlite::memory:', onError }));
describeCodes('SQLite', () => connectDatabase({ databaseUrl: 'sqlite::memory:', onError }));

describe('over a server', function () {
  this.timeout(60_000);
  let server: Postgres;
  before(async () => {
    server = await openPostgresServer();
  });
  after(() => server.close());

  const open = async () => connectDatabase({ databaseUrl: await server.createDatabase(), onError });
  describeAccounts('PostgreSQL', open);
  describeSignIns('PostgreSQL', open);
  describeCodes('PostgreSQL', open);
});
