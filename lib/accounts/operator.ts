import { createHash, timingSafeEqual } from 'node:crypto';
import type { Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import type { Access } from './access.ts';
import { createTickets } from './tickets.ts';

const operator: Principal = { id: 'operator', kind: 'operator' };

/** Access for small set-ups: one fixed bearer, AUTH_TOKEN, stands for the operator; without one no token is good. */
export function createOperatorAccess(authToken: string | undefined): Access {
  const expected = authToken === undefined ? undefined : digest(authToken);
  return {
    ...createTickets(),
    async identify(token) {
      // Digests have one length, so that neither the time nor an error tells how long the token is.
      if (expected && timingSafeEqual(digest(token), expected)) return operator;
      throw new AppError('unauthorized', 'The token is not known.');
    },
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
