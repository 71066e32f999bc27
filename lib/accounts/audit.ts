import type { Clock } from '../common/clock.ts';
import type { AccountsDb } from './schema.ts';

/** The events of the audit log. */
export type AuditEvent =
  | 'user_created'
  | 'user_changed'
  | 'user_removed'
  | 'user_disabled'
  | 'user_enabled'
  | 'user_approved'
  | 'role_changed'
  | 'scopes_changed'
  | 'password_changed'
  | 'identity_added'
  | 'signed_in'
  | 'sign_in_failed'
  | 'signed_out'
  | 'token_reused'
  | 'key_created'
  | 'key_used'
  | 'key_revoked'
  | 'access_refused';

/** Where a request came from, as far as it is known. */
export interface RequestSource {
  address?: string | undefined;
  /** The User-Agent header. */
  agent?: string | undefined;
}

/** An entry of the audit log, before it is written. */
export interface AuditEntry {
  event: AuditEvent;
  /** The uuid of the user it is about. */
  user?: string | undefined;
  address?: string | undefined;
  /** More about the event; never a secret. */
  detail?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** The append-only log of what happened to accounts. */
export interface Audit {
  /** Writes an entry; in the same transaction as its event, when `on` is that transaction. */
  record(entry: AuditEntry, on?: AccountsDb): Promise<void>;
  /** Records a refused request. Of more than a hundred a minute only the number is kept, so that nobody fills the disk. Never throws. */
  refused(entry: Omit<AuditEntry, 'event'>): void;
  /** The newest entries first. */
  list(filter: { user?: string; limit: number }): Promise<(AuditEntry & { at: number })[]>;
  /** Resolves when all refusals are written. */
  drain(): Promise<void>;
}

const MINUTE_MS = 60_000;
/** More than an attack needs to be seen, and less than fills a disk. */
const REFUSALS_A_MINUTE = 100;

/** The audit log in the database. */
export function createAudit(db: AccountsDb, clock: Clock, onError: (error: unknown) => void): Audit {
  let minute = 0;
  let count = 0;
  let unwritten = 0;
  const writing = new Set<Promise<void>>();

  async function record({ event, user, address, detail = {} }: AuditEntry, on = db): Promise<void> {
    const row = { at: clock.now(), event, user_uuid: user ?? null, address: address ?? null };
    await on
      .insertInto('audit')
      .values({ ...row, detail: JSON.stringify(detail) })
      .execute();
  }

  return {
    record,
    refused(entry) {
      const current = Math.floor(clock.now() / MINUTE_MS);
      if (current !== minute) [minute, count] = [current, 0];
      count += 1;
      if (count > REFUSALS_A_MINUTE) {
        unwritten += 1;
        return;
      }
      // The next refusal that is written says how many before it were not.
      const detail = unwritten > 0 ? { ...entry.detail, unwritten } : entry.detail;
      unwritten = 0;
      const written = record({ ...entry, event: 'access_refused', ...(detail && { detail }) })
        .catch(onError)
        .finally(() => writing.delete(written));
      writing.add(written);
    },
    async list({ user, limit }) {
      let query = db.selectFrom('audit').selectAll().orderBy('id', 'desc').limit(limit);
      if (user !== undefined) query = query.where('user_uuid', '=', user);
      return (await query.execute()).map((row) => ({
        at: row.at,
        event: row.event as AuditEvent,
        user: row.user_uuid ?? undefined,
        address: row.address ?? undefined,
        detail: JSON.parse(row.detail) as NonNullable<AuditEntry['detail']>,
      }));
    },
    async drain() {
      await Promise.all(writing);
    },
  };
}
