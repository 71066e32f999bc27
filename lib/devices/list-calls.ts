import type { HashedColumns } from './audit-hash.ts';
import type { CallRecord } from './call-record.ts';
import type { CommandDb } from './command-schema.ts';

/** A row of the audit log, for people. `outcome` is `done`, `none` or `unknown`; null: it is not known yet, or nothing was sent. */
export interface CallAuditRow extends CallRecord {
  device: string;
  n: number;
  at: number;
  outcome: string | null;
  hash: string;
}

/** The place of a row among those of all devices, which are in the order of their times (ms since the epoch). */
export interface AuditPlace {
  at: number;
  device: string;
  n: number;
}

/** A part of the audit log. */
export interface AuditWindow {
  /** The rows of this device only. */
  device?: string | undefined;
  /** The last row that the reader has seen. */
  after?: AuditPlace | undefined;
  /** Only rows of times before this one, in ms since the epoch. */
  before?: number | undefined;
  limit: number;
}

/** The place before all rows of the times after this one (ms since the epoch): no device has an empty name. */
export function placeAfter(time: number): AuditPlace {
  return { at: time + 1, device: '', n: 0 };
}

/** The writes that were tried, each with the outcome that was written last. Two queries by index, however long the log is. */
export async function listCalls(
  db: CommandDb,
  { device, after, before, limit, isNewestFirst = false }: AuditWindow & { isNewestFirst?: boolean },
): Promise<CallAuditRow[]> {
  const order = isNewestFirst ? 'desc' : 'asc';
  // Outcomes are rows, too: `of_n` is the number of their write.
  let query = db.selectFrom('audit_rows').selectAll().where('of_n', 'is', null).limit(limit);
  if (device !== undefined) query = query.where('device', '=', device).orderBy('n', order);
  else query = query.orderBy('at', order).orderBy('device', order).orderBy('n', order);
  if (before !== undefined) query = query.where('at', '<', before);
  if (after && device === after.device) query = query.where('n', '>', after.n);
  else if (after)
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('at', 'device', 'n'), '>', tuple(after.at, after.device, after.n)),
    );
  const rows = await query.execute();
  const outcomes = await outcomesOf(db, rows);
  return rows.map(({ body, n, at, hash, device: name }) => {
    const { of_n: _, ...record } = JSON.parse(body) as CallRecord & HashedColumns;
    return { ...record, device: name, n, at, outcome: outcomes.get(name)?.get(n) ?? null, hash };
  });
}

/** The outcomes of rows that were sent, by device and number. The last one counts: a node that lost the session may know it late. */
async function outcomesOf(
  db: CommandDb,
  rows: readonly { device: string; n: number; event: string }[],
): Promise<Map<string, Map<number, string>>> {
  const outcomes = new Map<string, Map<number, string>>();
  for (const { device, event } of rows) if (event === 'sent') outcomes.set(device, new Map());
  for (const [device, known] of outcomes) {
    const sent = rows.filter((row) => row.device === device && row.event === 'sent').map(({ n }) => n);
    const ends = await db
      .selectFrom('audit_rows')
      .select(['n', 'of_n', 'body'])
      .where('device', '=', device)
      .where('of_n', 'in', sent)
      .execute();
    // In an order of the database by n, SQLite reads the whole chain.
    const ordered = ends.toSorted((one, other) => one.n - other.n);
    for (const { of_n: n, body } of ordered) known.set(n!, (JSON.parse(body) as { outcome: string }).outcome);
  }
  return outcomes;
}
