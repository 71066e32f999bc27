import type { Generated, Kysely } from 'kysely';
import type { Role } from '../core/principal.ts';

/** The tables of accounts, the same on SQLite and PostgreSQL. Times are ms since the epoch; lists are texts with spaces. */
export interface AccountTables {
  users: UsersTable;
  identities: IdentitiesTable;
  sign_ins: SignInsTable;
  refresh_tokens: RefreshTokensTable;
  api_keys: ApiKeysTable;
  vouchers: VouchersTable;
  text_codes: TextCodesTable;
  failures: FailuresTable;
  audit: AuditTable;
  wechat_sessions: WeChatSessionsTable;
  user_removals: UserRemovalsTable;
  first_requests: FirstRequestsTable;
  /** The owners of keys, apps, presets and chats: a row is locked while its owner makes one (`store/record-room.ts`). */
  record_owners: { owner: string };
}

/** The database, or a transaction on it. */
export type AccountsDb = Kysely<AccountTables>;

/** The users. */
export interface UsersTable {
  id: Generated<number>;
  uuid: string;
  /** The user's name for people; not unique. */
  name: string;
  /** The name to sign in with; `…_key` is the form in which it is unique. */
  username: string | null;
  username_key: string | null;
  email: string | null;
  email_key: string | null;
  role: Role;
  scopes: string;
  /** The hash, in PHC form. */
  password: string | null;
  /** When an admin let the user use devices; null: not yet. */
  approved_at: number | null;
  disabled_at: number | null;
  /** When open connections of the user were last revoked: it was disabled or approved, or got another role. */
  revoked_at: number | null;
  created_at: number;
  updated_at: number;
}

/** How another system names a user. */
interface IdentitiesTable {
  provider: string;
  issuer: string;
  subject: string;
  user_uuid: string;
  created_at: number;
}

/** One sign-in of a user, on one device, until it signs out. */
export interface SignInsTable {
  id: string;
  user_uuid: string;
  method: string;
  address: string | null;
  agent: string | null;
  created_at: number;
  /** When tokens were last taken. */
  used_at: number;
  access_ms: number;
  idle_ms: number;
  until: number;
  ended_at: number | null;
}

/** All refresh tokens of a sign-in, as hashes, so that an old one is recognised when it comes back. */
interface RefreshTokensTable {
  hash: string;
  sign_in_id: string;
  child_hash: string | null;
  rotated_at: number | null;
}

/** Keys for machines, as hashes. */
export interface ApiKeysTable {
  id: string;
  hash: string;
  user_uuid: string;
  name: string;
  /** The last four characters. */
  hint: string;
  /** The dialects that the key is for; empty: all. */
  dialects: string;
  scopes: string;
  created_at: number;
  used_at: number | null;
  until: number | null;
  ended_at: number | null;
}

/** The session that WeChat gave at a sign-in; WeChat is asked whether it is still alive. */
interface WeChatSessionsTable {
  sign_in_id: string;
  openid: string;
  /** Sealed. */
  session_key: string;
  created_at: number;
}

/** The removal of a user: its mark is there before any data goes, and for a day after the last. */
interface UserRemovalsTable {
  user_uuid: string;
  begun_at: number;
  done_at: number | null;
}

/** The first request of every key, and its answer as soon as it is known. */
interface FirstRequestsTable {
  caller: string;
  key: string;
  attempt: string;
  digest: string;
  until: number;
  /** Null: not answered; 0: its answer is lost. */
  status: number | null;
  content_type: string | null;
  body: string | null;
}

/** Random texts that are good once, as hashes. */
interface VouchersTable {
  hash: string;
  kind: string;
  body: string;
  until: number;
}

/** The last code sent to a telephone. */
interface TextCodesTable {
  telephone: string;
  hash: string;
  attempts: number;
  sent_at: number;
  until: number;
}

/** Failed attempts, under a keyed digest of what they were about. */
interface FailuresTable {
  key: string;
  count: number;
  at: number;
  until: number;
}

/** Events of accounts; the database refuses to change or remove a row. */
interface AuditTable {
  id: Generated<number>;
  at: number;
  event: string;
  user_uuid: string | null;
  address: string | null;
  detail: string;
}
