import type { Principal } from './principal.ts';

/**
 * Whether a caller may use what `owner` owns: the owner may; without access control, and as the operator, everybody's. What
 * was made without access control is everybody's.
 */
export function mayUse(caller: Principal, owner: string): boolean {
  return caller.kind !== 'user' || caller.id === owner || owner === 'anonymous';
}
