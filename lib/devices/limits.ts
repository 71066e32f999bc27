import type { Outcome } from '../core/store.ts';
import type { CommandTransaction } from './call-audit.ts';
import type { RuleBook, RuledCall } from './rules.ts';

/** A write that is about to be permitted, and the rules that hold for it. */
export interface LimitedCall {
  device: string;
  call: RuledCall;
  book: RuleBook;
  /** Ms since the epoch. */
  now: number;
}

/**
 * The first limit that a write is over, in words. It counts the rows of the audit log, and runs in the transaction that permits the
 * write, after the chain of the device was locked: over all sessions and nodes a limit is never passed.
 */
export async function limitFault(
  trx: CommandTransaction,
  { device, call, book, now }: LimitedCall,
): Promise<string | undefined> {
  for (const { maxCalls, perSeconds, matches, rule } of book.counts(call)) {
    const sent = await trx
      .selectFrom('audit_rows')
      .select(['tool', 'operation'])
      .select(({ fn }) => fn.countAll<number | string>().as('count'))
      .where('device', '=', device)
      .where('event', '=', 'sent')
      .where('at', '>', now - perSeconds * 1000)
      .groupBy(['tool', 'operation'])
      .execute();
    const count = sent
      .filter(({ tool, operation }) => matches(tool ?? '', operation ?? ''))
      .reduce((sum, row) => sum + Number(row.count), 0);
    if (count >= maxCalls) return `${count} in the last ${perSeconds} seconds already. ${rule}`;
  }
  for (const { argument, value, maxStep, rule } of book.steps(call)) {
    const known = await trx
      .selectFrom('device_values')
      .select('value')
      .where('device', '=', device)
      .where('name', '=', argument)
      .executeTakeFirst();
    if (known === undefined || known.value === null)
      return `The present value of ${argument} is not known: read it first. ${rule}`;
    if (Math.abs(value - known.value) > maxStep * (1 + Number.EPSILON))
      return `${argument} is ${known.value} now, and ${value} is more than ${maxStep} away. ${rule}`;
  }
  return undefined;
}

/** A write of these arguments is on its way: their values are not known until its outcome is. */
export async function forgetValues(
  trx: CommandTransaction,
  { device, call, book, now: at }: LimitedCall,
): Promise<void> {
  for (const { argument: name } of book.steps(call))
    await trx
      .updateTable('device_values')
      .set(({ ref }) => ({ before: ref('value'), value: null, at }))
      .where('device', '=', device)
      .where('name', '=', name)
      .execute();
}

/** The outcome of a write: its values are known when it was done, and those of before when it was not. */
export async function settleValues(
  trx: CommandTransaction,
  { device, call, book, now: at }: LimitedCall,
  outcome: Outcome,
): Promise<void> {
  for (const { argument: name, value } of book.steps(call)) {
    if (outcome === 'unknown') continue;
    await trx
      .updateTable('device_values')
      .set(({ ref }) => ({ value: outcome === 'done' ? value : ref('before'), before: null, at }))
      .where('device', '=', device)
      .where('name', '=', name)
      .execute();
  }
}

/** Notes values of a read that was asked for at `at`. A write that was permitted meanwhile knows better. */
export async function noteValues(
  trx: CommandTransaction,
  device: string,
  values: ReadonlyMap<string, number>,
  at: number,
): Promise<void> {
  for (const [name, value] of values)
    await trx
      .insertInto('device_values')
      .values({ device, name, value, before: null, at })
      .onConflict((conflict) =>
        conflict
          .columns(['device', 'name'])
          .doUpdateSet({ value, before: null, at })
          .where('device_values.at', '<=', at),
      )
      .execute();
}
