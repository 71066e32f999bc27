import pg from 'pg';
import { connectStore } from '../../lib/store/index.ts';
import { describeStore } from '../contracts/store.ts';
import { openPostgresServer } from '../support/postgres.ts';
import type { Postgres } from '../support/postgres.ts';

describe('stores', function () {
  this.timeout(60_000);
  let server: Postgres;
  before(async () => {
    server = await openPostgresServer();
  });
  after(() => server.close());

  describeStore('PostgreSQL', async () => {
    const databaseUrl = await server.createDatabase();
    const errors: unknown[] = [];
    return {
      store: await connectStore({ databaseUrl, secret: 'a secret', onError: (error) => errors.push(error) }),
      async dump() {
        const client = new pg.Client({ connectionString: databaseUrl });
        await client.connect();
        const sessions = await client.query('select * from sessions');
        const messages = await client.query('select * from messages');
        await client.end();
        return JSON.stringify([sessions.rows, messages.rows]);
      },
    };
  });
});
