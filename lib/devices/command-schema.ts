import type { Generated, Kysely } from 'kysely';
import type { Schema } from '../store/schema.ts';

/** The tables of rules, approvals and the audit log. Times are ms since the epoch. */
export interface CommandTables extends Pick<Schema, 'questions' | 'sessions' | 'estops'> {
  audit_rows: AuditRowsTable;
  audit_chains: AuditChainsTable;
  audit_heads: AuditHeadsTable;
  device_values: DeviceValuesTable;
}

/** The database, as this part of the server sees it. */
export type CommandDb = Kysely<CommandTables>;

/** The rows of the audit log: one chain for each device, numbered from 1 without gaps. */
export interface AuditRowsTable {
  device: string;
  n: number;
  at: number;
  event: string;
  /** The row whose outcome this one is. */
  of_n: number | null;
  tool: string | null;
  operation: string | null;
  /** The columns above and the rest of the record, as canonical JSON. The hash is over this text. */
  body: string;
  hash: string;
}

/** The end of each chain. */
interface AuditChainsTable {
  device: string;
  n: number;
  hash: string;
  /** The number of the last row that a signed head covers. */
  signed_n: number;
  /** The number and the hash of the last row that was pruned: the first kept row follows it. 0 and empty: none was. */
  pruned_n: Generated<number>;
  pruned_hash: Generated<string>;
}

/** The signed ends of chains. */
export interface AuditHeadsTable {
  device: string;
  n: number;
  hash: string;
  at: number;
  signature: string;
}

/** The last known values of the arguments that a limit of a step watches. */
interface DeviceValuesTable {
  device: string;
  name: string;
  /** Null: not known, as a write of it is on its way or its outcome is unknown. */
  value: number | null;
  /** The value before the write that is on its way. */
  before: number | null;
  at: number;
  /** How many writes are on their way. */
  writing: Generated<number>;
  /** 1: some of them were on their way at the same time, so that nobody knows which one came last. */
  overlapping: Generated<number>;
}
