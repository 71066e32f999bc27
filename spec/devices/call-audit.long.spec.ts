import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import { checkHead, formatHead, listHeads, parseHead } from '../../lib/devices/audit-heads.ts';
import { placeAfter } from '../../lib/devices/list-calls.ts';
import { CallAudit } from '../../lib/devices/call-audit.ts';
import { checkAudit } from '../../lib/devices/check-audit.ts';
import type { CommandTables } from '../../lib/devices/command-schema.ts';
import { connectDatabase, type Database } from '../../lib/store/database.ts';
import { sentRecord } from '../support/call-record.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { openPostgresServer, type Postgres } from '../support/postgres.ts';

const engines = {
  SQLite: () => Promise.resolve({ url: 'sqlite::memory:', close: () => Promise.resolve() }),
  async PostgreSQL() {
    const postgres: Postgres = await openPostgresServer();
    return { url: await postgres.createDatabase(), close: () => postgres.close() };
  },
};

for (const [engine, openEngine] of Object.entries(engines))
  describe(`the audit log of calls, on ${engine}`, function () {
    this.timeout(60_000);
    const key = generateKeyPairSync('ed25519').privateKey;
    const clock = createFakeClock(1_700_000_000_000);
    let server: Awaited<ReturnType<typeof openEngine>>;
    let database: Database;
    let audit: CallAudit;
    before(async () => {
      server = await openEngine();
      database = await connectDatabase({ databaseUrl: server.url, onError: () => {} });
      audit = new CallAudit(database.tables<CommandTables>(), key, clock);
    });
    beforeEach(async () => {
      for (const table of ['audit_rows', 'audit_chains', 'audit_heads'] as const)
        await db().deleteFrom(table).execute();
    });
    after(async () => {
      await database.close();
      await server.close();
    });
    const db = () => database.tables<CommandTables>();
    const check = () => checkAudit(db(), key);

    it('shows a write once, with the outcome that was written last', async () => {
      await db()
        .transaction()
        .execute(async (trx) => {
          const n = await audit.append(trx, 'boiler', sentRecord(20));
          await audit.appendOutcome(trx, 'boiler', n, 'unknown');
          await audit.appendOutcome(trx, 'boiler', n, 'done');
        });
      const rows = await audit.list({ device: 'boiler', limit: 10 });
      expect(rows.map(({ n, outcome }) => [n, outcome])).to.deep.equal([[1, 'done']]);
    });

    it('finds a write that was sent, also behind hundreds of newer ones', async () => {
      for (let to = 0; to < 510; to += 1) await audit.record('boiler', sentRecord(to));
      const find = (call: string) => audit.findSent('boiler', 's', 't', call);
      expect([await find('call_509'), await find('call_0'), await find('call_510')]).to.deep.equal([
        510,
        1,
        undefined,
      ]);
    });

    it('comes in small pages where all of it is read, each of which holds the event loop for a moment', async () => {
      for (let to = 0; to < 210; to += 1) await audit.record('boiler', sentRecord(to));
      const sizes: number[] = [];
      for await (const page of audit.pages()) sizes.push(page.length);
      expect(sizes).to.deep.equal([100, 100, 10]);
    });

    it('shows each write that was tried, with its outcome', async () => {
      await db()
        .transaction()
        .execute(async (trx) => {
          const n = await audit.append(trx, 'boiler', sentRecord(20));
          await audit.appendOutcome(trx, 'boiler', n, 'done');
        });
      await audit.record('boiler', {
        ...sentRecord(99),
        event: 'denied',
        rule: 'Rule 1 of the device: deny set.',
      });
      const rows = await audit.list({ device: 'boiler', limit: 10 });
      expect(rows.map((row) => ({ ...row, hash: '' }))).to.deep.equal([
        { ...sentRecord(20), device: 'boiler', n: 1, at: 1_700_000_000_000, outcome: 'done', hash: '' },
        {
          ...sentRecord(99),
          event: 'denied',
          rule: 'Rule 1 of the device: deny set.',
          device: 'boiler',
          n: 3,

          at: 1_700_000_000_000,
          outcome: null,
          hash: '',
        },
      ]);
      expect(await audit.list({ device: 'boiler', after: rows[0], limit: 10 })).to.deep.equal([rows[1]]);
      expect(await check()).to.deep.equal([{ device: 'boiler', rows: 3, heads: 0 }]);
    });

    it('reads no more rows than it shows, however long the log is', async () => {
      for (let to = 1; to <= 3; to += 1)
        for (const device of ['boiler', 'lamp']) await audit.record(device, sentRecord(to));
      const places = (rows: readonly { device: string; n: number }[]) =>
        rows.map(({ device, n }) => `${device} ${n}`);
      const all = ['boiler 1', 'boiler 2', 'boiler 3', 'lamp 1', 'lamp 2', 'lamp 3'];
      expect(places(await audit.listAfterTime(undefined, 2))).to.deep.equal(all); // they are of one time
      expect(places(await audit.listAfterTime(clock.now(), 2))).to.deep.equal([]);
      expect(places(await audit.listAfterTime(clock.now() - 1, 2))).to.deep.equal(all);
      expect(places(await audit.listNewest({ limit: 2 }))).to.deep.equal(['lamp 2', 'lamp 3']);
      expect(places(await audit.listNewest({ device: 'boiler', limit: 1 }))).to.deep.equal(['boiler 3']);
      const streamed: string[] = [];
      for await (const page of audit.pages()) streamed.push(...places(page));
      expect(streamed).to.deep.equal(all);
    });

    it('has all rows of one time in one page, also more than are read at once', async () => {
      await db()
        .transaction()
        .execute(async (trx) => {
          for (let to = 1; to <= 2500; to += 1) await audit.append(trx, 'boiler', sentRecord(to));
        });
      const numbers = Array.from({ length: 2500 }, (_, at) => at + 1);
      expect((await audit.listAfterTime(undefined, 100)).map(({ n }) => n)).to.deep.equal(numbers);
    });

    it('has pages of the writes between two times, of all devices or of one', async () => {
      const times: number[] = [];
      for (let to = 1; to <= 4; to += 1) {
        times.push(clock.now());
        await audit.record('boiler', sentRecord(to));
        await audit.record('lamp', sentRecord(to));
        clock.advance(1000);
      }
      const between = { after: placeAfter(times[1]! - 1), before: times[3]! };
      const places: string[] = [];
      for await (const page of audit.pages(between))
        places.push(...page.map(({ device, n }) => `${device} ${n}`));
      expect(places).to.deep.equal(['boiler 2', 'lamp 2', 'boiler 3', 'lamp 3']);
      const ofOne: number[] = [];
      for await (const page of audit.pages({ ...between, device: 'lamp' }))
        ofOne.push(...page.map(({ n }) => n));
      expect(ofOne).to.deep.equal([2, 3]);
    });

    it('is pruned from its old end: the rest can be checked, and a forged beginning is found', async () => {
      const DAY_MS = 86_400_000;
      for (let to = 1; to <= 3; to += 1) await audit.record('boiler', sentRecord(to));
      clock.advance(2 * DAY_MS);
      for (let to = 4; to <= 5; to += 1) await audit.record('boiler', sentRecord(to));
      await audit.prune(clock.now() - DAY_MS);
      await audit.prune(clock.now() - DAY_MS);
      expect((await audit.list({ device: 'boiler', limit: 10 })).map(({ n }) => n)).to.deep.equal([4, 5]);
      expect(await check()).to.deep.equal([{ device: 'boiler', rows: 2, heads: 1, pruned: 3 }]);
      await audit.record('boiler', sentRecord(6));
      await audit.signHeads();
      expect(await check()).to.deep.equal([{ device: 'boiler', rows: 3, heads: 2, pruned: 3 }]);
      await db().updateTable('audit_chains').set({ pruned_n: 4 }).execute();
      expect((await check())[0]!.fault).to.deep.equal({
        n: 4,
        detail: 'it was pruned, and no signed head has its hash',
      });
      await db().updateTable('audit_chains').set({ pruned_n: 3 }).execute();
      await db().deleteFrom('audit_rows').where('n', '=', 4).execute();
      expect((await check())[0]!.fault).to.deep.equal({ n: 4, detail: 'it is missing' });
    });

    it('is pruned whole, and goes on after its last row', async () => {
      await audit.record('boiler', sentRecord(1));
      clock.advance(10);
      await audit.prune(clock.now());
      expect(await check()).to.deep.equal([{ device: 'boiler', rows: 0, heads: 1, pruned: 1 }]);
      await audit.record('boiler', sentRecord(2));
      expect(await check()).to.deep.equal([{ device: 'boiler', rows: 1, heads: 1, pruned: 1 }]);
    });

    it('is held against heads that somebody keeps elsewhere', async () => {
      await audit.record('boiler', sentRecord(1));
      const [head] = await listHeads(db());
      expect(parseHead(formatHead(head!))).to.deep.equal(head);
      clock.advance(10);
      await audit.record('boiler', sentRecord(2));
      expect(await checkHead(db(), head!)).to.equal(undefined);
      expect(await checkHead(db(), { ...head!, hash: 'f'.repeat(64) })).to.deep.equal({
        n: 1,
        detail: 'it does not fit the head that was kept elsewhere',
      });
      expect(await checkHead(db(), { ...head!, n: 9 })).to.deep.equal({
        n: 9,
        detail: 'the row is missing from the log, and the kept head names it',
      });
      await audit.prune(clock.now());
      expect(await checkHead(db(), head!)).to.equal(undefined);
      clock.advance(10);
      await audit.prune(clock.now());
      expect((await checkHead(db(), head!))!.detail).to.contain('it was pruned (AUDIT_DAYS)');
      expect(() => parseHead('boiler:1')).to.throw('"boiler:1" is no head: write DEVICE:N:HASH');
    });

    it('is one chain for each device, also when many writes come at once, with a signed head every hundred rows', async () => {
      await Promise.all(
        Array.from({ length: 250 }, (_, at) =>
          audit.record(at % 5 === 0 ? 'lamp' : 'boiler', sentRecord(at)),
        ),
      );
      await audit.signHeads();
      await audit.signHeads();
      expect(await check()).to.deep.equal([
        { device: 'boiler', rows: 200, heads: 2 },
        { device: 'lamp', rows: 50, heads: 1 },
      ]);
    });

    const attacks: Record<string, [() => Promise<unknown>, { n: number; detail: string }]> = {
      'a row that was changed': [
        () =>
          db()
            .updateTable('audit_rows')
            .set(({ fn, ref, val }) => ({
              body: fn<string>('replace', [ref('body'), val('"to":3'), val('"to":4')]),
            }))
            .where('n', '=', 3)
            .execute(),
        { n: 3, detail: 'its content does not fit its hash' },
      ],
      'a column that was changed': [
        () => db().updateTable('audit_rows').set({ event: 'denied' }).where('n', '=', 4).execute(),
        { n: 4, detail: 'its column event does not fit its content' },
      ],
      'a row that was removed': [
        () => db().deleteFrom('audit_rows').where('n', '=', 5).execute(),
        { n: 5, detail: 'it is missing' },
      ],
      'rows that were cut off': [
        () => db().deleteFrom('audit_rows').where('n', '>', 8).execute(),
        { n: 9, detail: 'it and the rows after it were cut off: 10 were written' },
      ],
      'rows that were cut off with their counter': [
        async () => {
          await db().deleteFrom('audit_rows').where('n', '>', 8).execute();
          await db().updateTable('audit_chains').set({ n: 8 }).execute();
        },
        { n: 9, detail: 'it and the rows after it were cut off: 10 were written' },
      ],
      'a head that was removed': [
        () => db().deleteFrom('audit_heads').execute(),
        { n: 10, detail: 'its signed head was removed' },
      ],
      'a head that was made with another key': [
        () =>
          db()
            .updateTable('audit_heads')
            .set({ signature: Buffer.alloc(64).toString('base64') })
            .execute(),
        { n: 10, detail: 'its head has no valid signature' },
      ],
      'a chain whose rows were all removed': [
        async () => {
          await db().deleteFrom('audit_rows').execute();
          await db().deleteFrom('audit_chains').execute();
        },
        { n: 1, detail: 'it and the rows after it were cut off: 10 were written' },
      ],
    };
    for (const [what, [attack, fault]] of Object.entries(attacks))
      it(`shows ${what}`, async () => {
        for (let to = 1; to <= 10; to += 1) await audit.record('boiler', sentRecord(to));
        await audit.signHeads();
        expect(await check()).to.deep.equal([{ device: 'boiler', rows: 10, heads: 1 }]);
        await attack();
        const [{ fault: found } = {}] = await check();
        expect(found).to.deep.equal(fault);
      });
  });
