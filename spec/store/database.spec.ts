import { expect } from 'chai';
import { sql, type Kysely } from 'kysely';
import { AppError } from '../../lib/errors.ts';
import { allOrNone, NotAllFound } from '../../lib/store/all-or-none.ts';
import { connectDatabase, type Database } from '../../lib/store/database.ts';
import type { Engine } from '../../lib/store/engine.ts';
import { UniqueViolation } from '../../lib/store/failures.ts';
import { lockOrCreateRow, lockRow } from '../../lib/store/lock-row.ts';
import { sqlite } from '../../lib/store/sqlite/sqlite.ts';
import { openPostgresServer } from '../support/postgres.ts';
import { refusalOf } from '../support/refusal.ts';

interface Tables {
  things: { id: string; name: string | null; count: number };
}

const onError = (error: unknown): never => {
  throw error;
};
const urls = {
  SQLite: async () => 'sqlite::memory:',
  PostgreSQL: async () => (await openPostgresServer()).createDatabase(),
};

for (const [name, makeUrl] of Object.entries(urls))
  describe(`a database on ${name}`, function () {
    this.timeout(60_000);
    let database: Database;
    let db: Kysely<Tables>;
    before(async () => {
      database = await connectDatabase({ databaseUrl: await makeUrl(), onError });
      db = database.tables<Tables>();
      await sql`create table things (id text primary key, name text unique, count integer)`.execute(db);
    });
    after(() => database.close());
    beforeEach(() => db.deleteFrom('things').execute());

    const add = (id: string, thing = id) =>
      db.insertInto('things').values({ id, name: thing, count: 0 }).execute();

    it('names the column of a value that is taken', async () => {
      await add('a');
      const error = await refusalOf(add('b', 'a'));
      expect(error).to.be.instanceOf(UniqueViolation).and.include({ column: 'name', code: 'unavailable' });
      expect(error.cause).to.be.instanceOf(Error);
    });

    it('reports a wrong statement as a fault of the server, without its text', async () => {
      const error = await refusalOf(sql`select * from nothing_here`.execute(db));
      expect(error.code).to.equal('internal');
      expect(error.message).to.not.contain('nothing_here');
      expect(String(error.cause)).to.contain('nothing_here');
    });

    it('leaves an AppError of a transaction as it is, and rolls back', async () => {
      const own = new AppError('forbidden', 'No.');
      const work = db.transaction().execute(async (trx) => {
        await trx.insertInto('things').values({ id: 'x', name: 'x', count: 0 }).execute();
        throw own;
      });
      expect(await refusalOf(work)).to.equal(own);
      expect(await db.selectFrom('things').selectAll().execute()).to.deep.equal([]);
    });

    it('changes all or nothing', async () => {
      await add('a');
      const rename = (missing: boolean) =>
        allOrNone(db, async (trx) => {
          await trx.updateTable('things').set({ name: 'renamed' }).execute();
          if (missing) throw new NotAllFound();
        });
      const names = async () =>
        (await db.selectFrom('things').select('name').execute()).map((row) => row.name);
      expect([await rename(true), await names()]).to.deep.equal([false, ['a']]);
      expect([await rename(false), await names()]).to.deep.equal([true, ['renamed']]);
    });

    it('lets one transaction after the other through a locked row', async () => {
      await add('a');
      const increase = () =>
        db.transaction().execute(async (trx) => {
          const row = await lockRow<Tables, 'things'>(trx, 'things', 'name')
            .where('id', '=', 'a')
            .returning('count')
            .execute();
          const count = row[0]!.count + 1;
          await trx.updateTable('things').set({ count }).where('id', '=', 'a').execute();
        });
      await Promise.all(Array.from({ length: 20 }, increase));
      const { count } = await db.selectFrom('things').select('count').executeTakeFirstOrThrow();
      expect(count).to.equal(20);
    });

    it('makes a row that is to be locked, once', async () => {
      const row = { id: 'new', name: null, count: 0 }; // with one unique column, as the tables that are locked so
      const increase = () =>
        db.transaction().execute(async (trx) => {
          const { count } = await lockOrCreateRow<Tables, 'things'>(trx, 'things', {
            key: 'id',
            column: 'name',
            row,
          });
          await trx
            .updateTable('things')
            .set({ count: count + 1 })
            .where('id', '=', 'new')
            .execute();
        });
      await Promise.all(Array.from({ length: 20 }, increase));
      expect(await db.selectFrom('things').selectAll().execute()).to.deep.equal([{ ...row, count: 20 }]);
    });

    it('is unavailable once it is closed', async () => {
      const other = await connectDatabase({ databaseUrl: await makeUrl(), onError });
      await other.close();
      expect((await refusalOf(sql`select 1`.execute(other.db))).code).to.equal('unavailable');
    });
  });

describe('a table of engines', () => {
  it('is all that a new engine needs', async () => {
    const opened: string[] = [];
    const mine: Engine = {
      ...sqlite,
      name: 'Mine',
      schemes: ['mine'],
      openDialect(options) {
        opened.push(options.url);
        return sqlite.openDialect({ ...options, url: 'sqlite::memory:' });
      },
    };
    const settings = { databaseUrl: 'mine://anywhere', onError };
    const database = await connectDatabase({ ...settings, engines: [mine] });
    expect([database.engine.name, opened]).to.deep.equal(['Mine', ['mine://anywhere']]);
    await database.close();
    expect((await refusalOf(connectDatabase(settings))).message).to.equal(
      'DATABASE_URL is of no known kind: mine',
    );
  });
});
