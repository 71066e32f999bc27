import { createHash, timingSafeEqual } from 'node:crypto';
import type { Principal } from '../core/principal.ts';

/** The caller that shows AUTH_TOKEN. */
export const operator: Principal = { id: 'operator', kind: 'operator' };

/** Whether a token is AUTH_TOKEN; always false when it is not set. */
export function createOperator(authToken: string | undefined): (token: string) => boolean {
  if (authToken === undefined) return () => false;
  const expected = digest(authToken);
  // Digests have one length, so that neither the time nor an error reveals the length of the token.
  return (token) => timingSafeEqual(digest(token), expected);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
