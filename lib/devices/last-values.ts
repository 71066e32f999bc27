/**
 * The last values of the arguments that a limit of a step watches, whichever tool wrote or read them.
 *
 *   event                            value                                       writing
 *   a write is permitted             not known                                   + 1
 *   its outcome: done, none          the written value, the value before it      - 1
 *   its outcome: unknown             not known                                   - 1
 *   several are on their way         not known until a read after all of them    + 1, - 1
 *   a read                           the read value, if no write is on its way   0
 */
import type { JsonObject } from '../common/json.ts';
import type { Outcome } from '../core/store.ts';
import type { CommandTransaction } from './call-audit.ts';
import { argumentAt, keysOf, numberOf } from './rule-conditions.ts';

/** A value from before its rule is looked for among so many writes. */
const WRITES_SEARCHED = 1000;
/** A write is surely over after this time, also when its node died and its session is gone. */
const WRITE_MAX_MS = 3_600_000;

/** The last value of an argument of a device; undefined: nobody knows it. */
export async function knownValue(
  trx: CommandTransaction,
  device: string,
  name: string,
): Promise<number | undefined> {
  const noted = await rowOf(trx, device, name);
  return noted ? (noted.value ?? undefined) : writtenBefore(trx, device, name);
}

function rowOf(trx: CommandTransaction, device: string, name: string) {
  return trx
    .selectFrom('device_values')
    .select(['value', 'before', 'at', 'writing', 'overlapping'])
    .where('device', '=', device)
    .where('name', '=', name)
    .executeTakeFirst();
}

/** The value of the last write in the audit log: nothing was noted before there was a rule. */
async function writtenBefore(
  trx: CommandTransaction,
  device: string,
  name: string,
): Promise<number | undefined> {
  const rows = await trx
    .selectFrom('audit_rows')
    .select(['n', 'body'])
    .where('device', '=', device)
    .where('event', '=', 'sent')
    .orderBy('n', 'desc')
    .limit(WRITES_SEARCHED)
    .execute();
  for (const { n, body } of rows) {
    const { arguments: args } = JSON.parse(body) as { arguments: JsonObject };
    const value = argumentAt(args, keysOf(name));
    if (value !== undefined) return (await wasDone(trx, device, n)) ? numberOf(value) : undefined;
  }
  return undefined;
}

/** Whether the last outcome of the write of this row is `done`; false while it has none. */
async function wasDone(trx: CommandTransaction, device: string, n: number): Promise<boolean> {
  const end = await trx
    .selectFrom('audit_rows')
    .select('body')
    .where('device', '=', device)
    .where('of_n', '=', n)
    .orderBy('n', 'desc')
    .limit(1)
    .executeTakeFirst();
  return end !== undefined && (JSON.parse(end.body) as { outcome: string }).outcome === 'done';
}

/** A write of these values is on its way: they are not known until its outcome is. `at`: ms since the epoch. */
export async function forgetValues(
  trx: CommandTransaction,
  device: string,
  values: ReadonlyMap<string, unknown>,
  at: number,
): Promise<void> {
  for (const name of values.keys()) {
    const row = await rowOf(trx, device, name);
    // Another write is on its way: the value before it is not known either.
    const isBusy = row !== undefined && row.writing > 0 && row.at >= at - WRITE_MAX_MS;
    const before = isBusy ? null : ((await knownValue(trx, device, name)) ?? null);
    const noted = {
      value: null,
      before,
      at,
      writing: isBusy ? row.writing + 1 : 1,
      overlapping: isBusy ? 1 : 0,
    };
    await trx
      .insertInto('device_values')
      .values({ device, name, ...noted })
      .onConflict((conflict) => conflict.columns(['device', 'name']).doUpdateSet(noted))
      .execute();
  }
}

/** The outcome of a write of these values; undefined stands for a value that is no number. */
export async function settleValues(
  trx: CommandTransaction,
  device: string,
  values: ReadonlyMap<string, number | undefined>,
  { outcome, at }: { outcome: Outcome; at: number },
): Promise<void> {
  for (const [name, value] of values) {
    const row = await rowOf(trx, device, name);
    if (!row || row.writing === 0) continue; // a read came after the time in which the write was surely over
    const { before, overlapping } = row;
    const settled = { done: value ?? null, none: before, unknown: null }[outcome];
    const writing = row.writing - 1;
    await trx
      .updateTable('device_values')
      .set({
        value: overlapping ? null : settled,
        before: null,
        at,
        writing,
        overlapping: writing && overlapping,
      })
      .where('device', '=', device)
      .where('name', '=', name)
      .execute();
  }
}

/** Notes values of a read that was asked for at `at`. A write that was permitted meanwhile, or is on its way, knows better. */
export async function noteValues(
  trx: CommandTransaction,
  device: string,
  values: ReadonlyMap<string, number>,
  at: number,
): Promise<void> {
  const known = { before: null, at, writing: 0, overlapping: 0 };
  for (const [name, value] of values)
    await trx
      .insertInto('device_values')
      .values({ device, name, value, ...known })
      .onConflict((conflict) =>
        conflict
          .columns(['device', 'name'])
          .doUpdateSet({ value, ...known })
          .where('device_values.at', '<=', at)
          .where(({ or, eb }) =>
            or([eb('device_values.writing', '=', 0), eb('device_values.at', '<', at - WRITE_MAX_MS)]),
          ),
      )
      .execute();
}
