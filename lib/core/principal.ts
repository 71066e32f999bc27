/** Who is asking, after the check. Sessions belong to a principal's `id`. */
export interface Principal {
  id: string;
  /** `anonymous`: access control is off; `operator`: the fixed AUTH_TOKEN; `user`: an account. */
  kind: 'anonymous' | 'operator' | 'user';
}
