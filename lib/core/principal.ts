/** The caller of a request, after authentication. Sessions belong to a principal's `id`. */
export interface Principal {
  /** A user's UUID, or the words `operator` and `anonymous`. */
  id: string;
  /** `anonymous`: access control is off; `operator`: the caller has AUTH_TOKEN; `user`: the caller has an account. */
  kind: 'anonymous' | 'operator' | 'user';
  /** The account of a `user`, as it is at this request. */
  account?: Account;
}

/** The role of an account; `accounts/permissions.ts` says what each may do. */
export type Role = 'visitor' | 'user' | 'admin';

/** A user's account, and the credential of this request. */
export interface Account {
  /** The integer id beside the UUID, for dialects that use integers. */
  number: number;
  name: string;
  role: Role;
  /** Rights of the user beside those of its role. */
  scopes: readonly string[];
  /** False: the user made this account himself, and no admin has approved it yet. */
  approved: boolean;
  /** The credential: a token of a sign-in, or a key for machines, which may do no more than its scopes say. */
  credential: { kind: 'signIn'; id: string } | { kind: 'key'; id: string; scopes: readonly string[] };
  /** When the user signed in, in ms since the epoch; null for a key. */
  signedInAt: number | null;
  /** When the credential expires, in ms since the epoch; null for never. */
  expiresAt: number | null;
}

/**
 * Whether a caller may use something of `owner`. A user may use its own things; without access control, and as the operator,
 * a caller may use everything. Things that were made without access control belong to everybody.
 */
export function mayUse(caller: Principal, owner: string): boolean {
  return caller.kind !== 'user' || caller.id === owner || owner === 'anonymous';
}
