import { expect } from 'chai';
import { CommandRoom } from '../../lib/devices/command-room.ts';
import type { Devices } from '../../lib/devices/devices.ts';
import { CallAudit } from '../../lib/devices/call-audit.ts';
import type { CommandTables } from '../../lib/devices/command-schema.ts';
import { generateKeyPairSync } from 'node:crypto';
import { connectDatabase, type Database } from '../../lib/store/database.ts';
import { sentRecord } from '../support/call-record.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('the job that removes old rows of the audit log', () => {
  let database: Database;
  before(async () => {
    database = await connectDatabase({ databaseUrl: 'sqlite::memory:', onError: () => {} });
  });
  after(() => database.close());

  /** A room whose rules count calls for `countedMs`, with one row that is a day and an hour old when the job runs. */
  async function runJob(options: { auditDays?: number; countedMs?: number }): Promise<number[]> {
    const clock = createFakeClock(1_700_000_000_000);
    const db = database.tables<CommandTables>();
    for (const table of ['audit_rows', 'audit_chains', 'audit_heads'] as const)
      await db.deleteFrom(table).execute();
    const audit = new CallAudit(db, generateKeyPairSync('ed25519').privateKey, clock);
    const write = (to: number) => audit.record('boiler', sentRecord(to));
    await write(1);
    clock.advance(DAY_MS);
    await write(2);
    const errors: unknown[] = [];
    const devices = {
      books: { countedMs: () => Promise.resolve(options.countedMs ?? 0) },
      registry: { list: () => Promise.resolve([]) },
    } as unknown as Devices;
    const room = new CommandRoom({
      database,
      devices,
      store: undefined as never, // the job reads the audit log only
      keyFolder: undefined,
      auditDays: options.auditDays,
      onError: (error) => void errors.push(error),
      clock,
    });
    await room.start();
    clock.advance(HOUR_MS);
    const job = () => db.selectFrom('audit_chains').select(['n', 'signed_n']).executeTakeFirst();
    await waitFor(async () => (await job())?.signed_n === 2);
    await room.close(); // waits for the run that is under way
    expect(errors).to.deep.equal([]);
    const rows = await db.selectFrom('audit_rows').select('n').orderBy('n').execute();
    return rows.map(({ n }) => n);
  }

  it('removes the rows that are older than AUDIT_DAYS, an hour after the start', async () => {
    expect(await runJob({ auditDays: 1 })).to.deep.equal([2]);
  });

  it('keeps the rows that a limit still counts', async () => {
    expect(await runJob({ auditDays: 1, countedMs: 2 * DAY_MS })).to.deep.equal([1, 2]);
  });

  it('keeps all rows where AUDIT_DAYS is not set', async () => {
    expect(await runJob({})).to.deep.equal([1, 2]);
  });
});
