import { sql } from 'kysely';
import type { RawBuilder, Transaction } from 'kysely';
import type { ToolResult } from '../core/message.ts';
import { failed } from '../core/tool.ts';
import type { Schema } from './schema.ts';
import type { Write } from './writer.ts';

/** The number of emergency stops that hold now, as a part of another statement. */
export function countEstops(): RawBuilder<number | string> {
  return sql<number | string>`(select count(*) from estops where released_at is null)`;
}

/**
 * The permits among these writes that an emergency stop of everything, or of their session, refuses; each with the result of its
 * call. The clearance of a call looks for a stop of its device.
 */
export async function stoppedPermits(
  trx: Transaction<Schema>,
  writes: readonly Write[],
): Promise<Map<Write, ToolResult>> {
  const stops = await trx
    .selectFrom('estops')
    .select(['scope', 'reason'])
    .where('released_at', 'is', null)
    .execute();
  const refused = new Map<Write, ToolResult>();
  for (const write of writes) {
    // A clearance looks by itself: it knows the device of the call, too.
    if (write.kind !== 'permit' || write.clearance) continue;
    const stop = stops.find(({ scope }) => scope === 'all' || scope === `session:${write.session}`);
    if (stop) refused.set(write, estopRefusal(stop.reason));
  }
  return refused;
}

/** The result of a write that an emergency stop keeps from leaving. */
export function estopRefusal(reason: string | null): ToolResult {
  const why = reason === null ? '' : ` (${reason})`;
  return failed(
    'estop',
    `An emergency stop is engaged${why}: no write is sent until an admin releases it.`,
    'none',
  );
}
