import { expect } from 'chai';
import { createLedger, type Ledger } from '../../lib/credits/ledger.ts';
import { createRedeemCodes, type RedeemCodes } from '../../lib/credits/redeem-codes.ts';
import type { CreditsDb, CreditTables } from '../../lib/credits/schema.ts';
import { connectDatabase, type Database } from '../../lib/store/database.ts';
import { outcomeOf, refusalOf } from '../support/refusal.ts';
import { createTestClock } from '../support/test-clock.ts';
import { openPostgresServer, type Postgres } from '../support/postgres.ts';

function describeCredits(name: string, connect: () => Promise<Database>): void {
  describe(`credits on ${name}`, () => {
    let database: Database;
    let db: CreditsDb;
    let ledger: Ledger;
    let codes: RedeemCodes;
    let time = Date.parse('2026-01-01T00:00:00Z');
    const clock = createTestClock(() => time);
    let count = 0;
    const next = (what: string) => `${what}-${(count += 1)}`;
    before(async () => {
      database = await connect();
      db = database.tables<CreditTables>();
      ledger = createLedger(db, clock);
      codes = createRedeemCodes(db, ledger, 'a secret of the codes', clock);
    });
    after(() => database.close());

    const sumOf = async (owner: string) =>
      (await ledger.records(owner, { offset: 0, limit: 10_000 })).reduce(
        (sum, { amount }) => sum + amount,
        0,
      );
    const fill = async (value: number) => {
      const owner = next('owner');
      await ledger.add(owner, value, next('gift'));
      return owner;
    };

    it('are held, settled and given back', async () => {
      const owner = await fill(100);
      const task = next('task');
      expect(await ledger.hold(owner, 60, task)).to.equal(true);
      expect(await ledger.balance(owner)).to.equal(40);
      expect(await ledger.hold(owner, 41, next('task'))).to.equal(false);
      expect(await ledger.settle(task, 25)).to.equal(true);
      expect(await ledger.balance(owner)).to.equal(75);
      const other = next('task');
      await ledger.hold(owner, 75, other);
      expect(await ledger.release(other)).to.equal(true);
      const records = await ledger.records(owner, { offset: 0, limit: 10 });
      expect(records.map(({ kind, amount, reference }) => [kind, amount, reference])).to.deep.equal([
        ['release', 75, other],
        ['hold', -75, other],
        ['settle', 35, task],
        ['hold', -60, task],
        ['redeem', 100, records.at(-1)!.reference],
      ]);
      expect(records[0]!.createdAt).to.equal(time);
    });

    it('are held once and closed once, also when many try', async () => {
      const owner = await fill(100);
      const task = next('task');
      const held = await Promise.all(Array.from({ length: 10 }, () => ledger.hold(owner, 30, task)));
      expect(held.filter(Boolean)).to.have.length(1);
      expect(await ledger.balance(owner)).to.equal(70);
      const closed = await Promise.all([
        ...Array.from({ length: 5 }, () => ledger.settle(task, 10)),
        ...Array.from({ length: 5 }, () => ledger.release(task)),
      ]);
      expect(closed.filter(Boolean)).to.have.length(1);
      expect(await ledger.balance(owner)).to.equal(closed.slice(0, 5).some(Boolean) ? 90 : 100);
      expect(await sumOf(owner)).to.equal(await ledger.balance(owner));
      expect(await ledger.release(next('nothing'))).to.equal(false);
      expect(await ledger.settle(next('nothing'), 1)).to.equal(false);
    });

    it('are never negative, also when work costs more than was held', async () => {
      const owner = await fill(100);
      const task = next('task');
      await ledger.hold(owner, 60, task);
      await ledger.settle(task, 500);
      expect(await ledger.balance(owner)).to.equal(0);
      expect(await sumOf(owner)).to.equal(0);
      const poor = next('owner');
      expect([await ledger.hold(poor, 1, next('task')), await ledger.balance(poor)]).to.deep.equal([
        false,
        0,
      ]);
      const negative = db
        .insertInto('credit_accounts')
        .values({ owner: next('owner'), balance: -1 })
        .execute();
      expect(
        await negative.then(
          () => 'written',
          () => 'refused',
        ),
      ).to.equal('refused');
    });

    it('for ten works are held by ten of fifty that ask at once', async () => {
      const owner = await fill(1000);
      const held = await Promise.all(Array.from({ length: 50 }, () => ledger.hold(owner, 100, next('task'))));
      expect(held.filter(Boolean)).to.have.length(10);
      expect([await ledger.balance(owner), await sumOf(owner)]).to.deep.equal([0, 0]);
    });

    it('add up after every sequence of holds, settlements and releases', async () => {
      const owner = await fill(500);
      let seed = 7;
      const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
      const open: string[] = [];
      await Promise.all(
        Array.from({ length: 120 }, async () => {
          const what = random(3);
          if (what === 0 || open.length === 0) {
            const task = next('task');
            if (await ledger.hold(owner, random(120), task)) open.push(task);
          } else {
            const task = open[random(open.length)]!;
            await (what === 1 ? ledger.settle(task, random(200)) : ledger.release(task));
          }
          expect(await ledger.balance(owner)).to.be.at.least(0);
        }),
      );
      expect(await sumOf(owner)).to.equal(await ledger.balance(owner));
    });

    it('are rolled back with their transaction', async () => {
      const owner = await fill(100);
      const task = next('task');
      const work = db.transaction().execute(async (trx) => {
        expect(await ledger.hold(owner, 60, task, trx)).to.equal(true);
        throw new Error('the task could not be made');
      });
      expect(await work.catch((error: Error) => error.message)).to.equal('the task could not be made');
      expect(await ledger.balance(owner)).to.equal(100);
      expect(await ledger.hold(owner, 60, task)).to.equal(true);
    });

    it('come from a code once, when a hundred redeem it at the same time', async () => {
      const { code } = await codes.create({ value: 7 });
      expect(code).to.match(/^[2-9A-HJ-NP-Z]{20}$/);
      const owners = Array.from({ length: 10 }, () => next('owner'));
      const values = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          codes.redeem(index % 2 === 0 ? code : code.toLowerCase(), owners[index % owners.length]!),
        ),
      );
      expect(values.filter((value) => value !== undefined)).to.deep.equal([7]);
      const balances = await Promise.all(owners.map((owner) => ledger.balance(owner)));
      expect(balances.reduce((sum, balance) => sum + balance, 0)).to.equal(7);
    });

    it('come from known, unused codes that have not expired', async () => {
      const owner = next('owner');
      await codes.create({ code: 'Spring-time-２０２６', value: 5, expiresAt: time + 1000 });
      expect(await outcomeOf(codes.create({ code: ' SPRING-TIME-2026 ', value: 9 }))).to.equal('conflict');
      expect(await codes.find('spring-time-2026')).to.deep.equal({
        value: 5,
        createdAt: time,
        expiresAt: time + 1000,
        redeemedAt: null,
        redeemedBy: null,
      });
      expect(await codes.redeem('autumn-2026', owner)).to.equal(undefined);
      time += 1000;
      expect(await codes.redeem('spring-time-2026', owner)).to.equal(undefined);
      time -= 1;
      expect(await codes.redeem('SPRING-TIME-2026', owner)).to.equal(5);
      expect(await codes.find('spring-time-2026')).to.deep.include({ redeemedAt: time, redeemedBy: owner });
      expect(await codes.redeem('spring-time-2026', owner)).to.equal(undefined);
      expect([await codes.remove('spring-time-2026'), await codes.remove('spring-time-2026')]).to.deep.equal([
        true,
        false,
      ]);
      expect(await ledger.balance(owner)).to.equal(5);
      // A code that is made again is another code.
      await codes.create({ code: 'spring-time-2026', value: 3 });
      expect(await codes.redeem('spring-time-2026', owner)).to.equal(3);
    });

    it('have twenty random characters, or six that an admin chooses', async () => {
      const { code } = await codes.create({ value: 1 });
      expect(code).to.match(/^[2-9A-HJ-NP-Z]{20}$/);
      for (const short of ['', '1', 'fiver', '  fiver  ', '🎁'.repeat(5)]) {
        const error = await refusalOf(codes.create({ code: short, value: 1 }));
        expect([error.code, error.faults]).to.deep.equal([
          'invalid_request',
          [{ pointer: '/redeem_code', detail: 'has fewer than 6 characters' }],
        ]);
      }
      expect(await outcomeOf(codes.create({ code: next('sixsix'), value: 1 }))).to.equal(
        'nothing was thrown',
      );
    });

    it('store no code in clear', async () => {
      await codes.create({ code: 'secret-code-1', value: 1 });
      const rows = JSON.stringify(await db.selectFrom('redeem_codes').selectAll().execute()).toLowerCase();
      expect(rows).to.not.include('secret-code');
      const other = createRedeemCodes(db, ledger, 'another secret', clock);
      expect(await other.find('secret-code-1')).to.equal(undefined);
    });
  });
}

const onError = (error: unknown): never => {
  throw error;
};
describeCredits('SQLite', () => connectDatabase({ databaseUrl: 'sqlite::memory:', onError }));
describe('with a PostgreSQL', () => {
  let postgres: Postgres;
  before(async function () {
    this.timeout(60_000);
    postgres = await openPostgresServer();
  });
  after(() => postgres.close());
  describeCredits('PostgreSQL', async () =>
    connectDatabase({ databaseUrl: await postgres.createDatabase(), onError }),
  );
});
