import { createHash } from 'node:crypto';
import { canonicalJson } from '../common/canonical-json.ts';
import type { JsonObject } from '../common/json.ts';
import type { AuditHeadsTable, AuditRowsTable } from './command-schema.ts';

/** The hash before the first row of a chain. */
export const NO_HASH = '';

/** The columns of a row that its body repeats, so that a change of either is found. */
export type HashedColumns = Omit<AuditRowsTable, 'body' | 'hash'>;

/** The text of a row that is hashed: its columns and the rest, as canonical JSON. */
export function auditBody(columns: HashedColumns, more: JsonObject): string {
  const present = Object.entries(more).filter(([, value]) => value !== undefined);
  return canonicalJson({ ...columns, ...Object.fromEntries(present) });
}

/** The hash of a row: of the hash before it, and its body. */
export function rowHash(previous: string, body: string): string {
  return createHash('sha256').update(previous).update(body).digest('hex');
}

/** The text of a head that is signed. */
export function headText({ device, n, hash, at }: Omit<AuditHeadsTable, 'signature'>): Buffer {
  return Buffer.from(`lite-agent audit head 1\n${device}\n${n}\n${hash}\n${at}`);
}
