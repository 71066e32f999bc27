/** Who is asking, after the check. Sessions belong to a principal's `id`. */
export interface Principal {
  /** A user's uuid; `operator` and `anonymous` for those two. */
  id: string;
  /** `anonymous`: access control is off; `operator`: the fixed AUTH_TOKEN; `user`: an account. */
  kind: 'anonymous' | 'operator' | 'user';
  /** Of a `user`: the account as it is at this request. */
  account?: Account;
}

export type Role = 'visitor' | 'user' | 'admin';

/** A user and what it showed. */
export interface Account {
  /** The integer id beside the uuid. */
  number: number;
  name: string;
  role: Role;
  /** What was granted to the user beside its role. */
  scopes: readonly string[];
  /** What was shown: a token of a sign-in, or a key for machines. */
  credential: { kind: 'signIn' | 'key'; id: string };
  /** When the user proved who it is, ms since the epoch; null for a key. */
  signedInAt: number | null;
  /** When what was shown ends by itself, ms since the epoch; null: never. */
  expiresAt: number | null;
}

/**
 * Whether a caller may use what `owner` owns: the owner may; without access control, and as the operator, everybody's. What
 * was made without access control is everybody's.
 */
export function mayUse(caller: Principal, owner: string): boolean {
  return caller.kind !== 'user' || caller.id === owner || owner === 'anonymous';
}
