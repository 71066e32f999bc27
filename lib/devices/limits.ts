import type { CommandTransaction } from './call-audit.ts';
import { knownValue } from './last-values.ts';
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
    // A limit over several tools counts them together. SQL knows nothing of the patterns.
    const count = sent
      .filter(({ tool, operation }) => matches(tool ?? '', operation ?? ''))
      .reduce((sum, row) => sum + Number(row.count), 0);
    if (count >= maxCalls) return `${count} in the last ${perSeconds} seconds already. ${rule}`;
  }
  for (const { argument, value, maxStep, rule } of book.steps(call)) {
    const known = await knownValue(trx, device, argument);
    if (known === undefined) return `The present value of ${argument} is not known: read it first. ${rule}`;
    // The difference of 0.8 and 0.7 is above 0.1 by the roundings of the three numbers.
    const rounding = Number.EPSILON * (Math.abs(value) + Math.abs(known) + maxStep);
    if (Math.abs(value - known) > maxStep + rounding)
      return `${argument} is ${known} now, and ${value} is more than ${maxStep} away. ${rule}`;
  }
  return undefined;
}
