import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { rowHash, headText, NO_HASH } from './audit-hash.ts';
import type { AuditHeadsTable, AuditRowsTable, CommandDb } from './command-schema.ts';

/** The result of a check of one chain. `fault` names the first row that does not fit, and says why. */
export interface ChainCheck {
  device: string;
  /** The rows that were checked and fit. */
  rows: number;
  /** The signed heads that the chain has. */
  heads: number;
  /** The number of the last row that was pruned (AUDIT_DAYS), when there is one: the chain is checked from there. */
  pruned?: number;
  fault?: { n: number; detail: string };
}

/** So many rows are in memory at a time. */
const ROWS_A_PAGE = 1000;

/**
 * Checks the chains of the audit log: each row against the one before it and against its own columns, each head against its
 * signature and its row, and the end of the chain against the last number that was given out. A row that was changed, removed or
 * cut off is found, unless all of its chain, the heads and the counter were removed as well.
 */
export async function checkAudit(db: CommandDb, key: KeyObject, device?: string): Promise<ChainCheck[]> {
  const names = device === undefined ? await chainNames(db) : [device];
  const checks: ChainCheck[] = [];
  for (const name of names) checks.push(await checkChain(db, createPublicKey(key), name));
  return checks;
}

/** Every name that any of the three tables has: a chain whose rows were all removed still has its heads. */
async function chainNames(db: CommandDb): Promise<string[]> {
  const names = new Set<string>();
  for (const table of ['audit_chains', 'audit_heads', 'audit_rows'] as const) {
    const rows = await db.selectFrom(table).select('device').distinct().execute();
    for (const { device } of rows) names.add(device);
  }
  return [...names].toSorted();
}

/** Checks the signatures, then the rows after the pruned ones, then the end. The first fault ends the check. */
async function checkChain(db: CommandDb, key: KeyObject, device: string): Promise<ChainCheck> {
  const heads = await db
    .selectFrom('audit_heads')
    .selectAll()
    .where('device', '=', device)
    .orderBy('n')
    .execute();
  const headAt = new Map(heads.map((head) => [head.n, head]));
  const counted = { device, rows: 0, heads: heads.length };
  const forged = heads.find((head) => !isSigned(key, head));
  if (forged) return { ...counted, fault: { n: forged.n, detail: 'its head has no valid signature' } };
  const anchor = await anchorOf(db, device);
  // The counter of a chain is not signed: without a signed head of the same hash it could hide rows that somebody removed.
  if (anchor.n > 0 && headAt.get(anchor.n)?.hash !== anchor.hash)
    return { ...counted, fault: { n: anchor.n, detail: 'it was pruned, and no signed head has its hash' } };
  const pruned = anchor.n > 0 && { pruned: anchor.n };
  let { n, hash } = anchor;
  for (;;) {
    const page = await rowsAfter(db, device, n);
    for (const row of page) {
      const fault = faultOf(row, n + 1, hash, headAt.get(n + 1));
      if (fault !== undefined)
        return { ...counted, ...pruned, rows: n - anchor.n, fault: { n: n + 1, detail: fault } };
      n += 1;
      hash = row.hash;
    }
    if (page.length < ROWS_A_PAGE) break;
  }
  return {
    ...counted,
    ...pruned,
    rows: n - anchor.n,
    ...(await faultAtEnd(db, device, n, heads.at(-1)?.n ?? 0)),
  };
}

/** The number and the hash of the last row that was pruned; the beginning of the chain where none was. */
async function anchorOf(db: CommandDb, device: string): Promise<{ n: number; hash: string }> {
  const chain = await db
    .selectFrom('audit_chains')
    .select(['pruned_n', 'pruned_hash'])
    .where('device', '=', device)
    .executeTakeFirst();
  return chain ? { n: chain.pruned_n, hash: chain.pruned_hash } : { n: 0, hash: NO_HASH };
}

function rowsAfter(db: CommandDb, device: string, n: number): Promise<AuditRowsTable[]> {
  return db
    .selectFrom('audit_rows')
    .selectAll()
    .where('device', '=', device)
    .where('n', '>', n)
    .orderBy('n')
    .limit(ROWS_A_PAGE)
    .execute();
}

/** The fault of a row that should have the number `n`; undefined for a row that fits. */
function faultOf(
  row: AuditRowsTable,
  n: number,
  previous: string,
  head: AuditHeadsTable | undefined,
): string | undefined {
  if (row.n !== n) return 'it is missing';
  if (rowHash(previous, row.body) !== row.hash) return 'its content does not fit its hash';
  const body = parsed(row.body);
  const { device, at, event, of_n: of, tool, operation } = row;
  // Limits and lists read the columns, and the hash is that of the body: both must say the same.
  const columns = {
    device,
    n,
    at: at,
    event,
    of_n: of === null ? null : of,
    tool,
    operation,
  };
  const changed = Object.entries(columns).find(([name, value]) => body[name] !== value);
  if (changed) return `its column ${changed[0]} does not fit its content`;
  return head && head.hash !== row.hash ? 'it does not fit the signed head' : undefined;
}

function parsed(body: string): Record<string, unknown> {
  try {
    return JSON.parse(body) as Record<string, unknown>;
  } catch {
    // A body that is no object of the log fits none of its columns.
    return {};
  }
}

/** The fault at the end of a chain: rows, the counter or a head were cut off. */
async function faultAtEnd(
  db: CommandDb,
  device: string,
  n: number,
  lastHead: number,
): Promise<Pick<ChainCheck, 'fault'>> {
  const chain = await db
    .selectFrom('audit_chains')
    .select(['n', 'signed_n'])
    .where('device', '=', device)
    .executeTakeFirst();
  // Somebody may have set the counter back, but not the number in a signed head.
  const given = Math.max(chain?.n ?? 0, lastHead);
  if (given > n)
    return { fault: { n: n + 1, detail: `it and the rows after it were cut off: ${given} were written` } };
  if (!chain && n > 0) return { fault: { n, detail: 'the counter of the chain is missing' } };
  if ((chain?.signed_n ?? 0) > lastHead)
    return { fault: { n: chain!.signed_n, detail: 'its signed head was removed' } };
  return {};
}

function isSigned(key: KeyObject, head: AuditHeadsTable): boolean {
  const { device, n, hash, at, signature } = head;
  const text = headText({ device, n, hash, at });
  return verify(null, text, key, Buffer.from(signature, 'base64'));
}
