import { randomBytes } from 'node:crypto';
import type { Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import type { Access } from './access.ts';

const LIFE_SECONDS = 30;
const MAX_COUNT = 10_000;

/** Tickets of this process: random, good once and for 30 seconds, at most 10,000 at a time (then `too_many_requests`). */
export function createTickets(now: () => number = Date.now): Pick<Access, 'issueTicket' | 'redeemTicket'> {
  const tickets = new Map<string, { principal: Principal; until: number }>();

  /** In order of issue, and all live equally long: the first that is good ends the sweep. */
  function sweep(): void {
    for (const [ticket, { until }] of tickets) {
      if (until > now()) return;
      tickets.delete(ticket);
    }
  }

  return {
    async issueTicket(principal) {
      sweep();
      if (tickets.size >= MAX_COUNT)
        throw new AppError('too_many_requests', 'Too many tickets are waiting to be used.', {
          retryAfterSeconds: LIFE_SECONDS,
        });
      const ticket = randomBytes(24).toString('base64url');
      tickets.set(ticket, { principal, until: now() + LIFE_SECONDS * 1000 });
      return { ticket, expiresInSeconds: LIFE_SECONDS };
    },
    async redeemTicket(ticket) {
      sweep();
      const found = tickets.get(ticket);
      tickets.delete(ticket);
      if (!found)
        throw new AppError(
          'unauthorized',
          'The ticket is unknown, used or older than 30 seconds: get a new one from POST /api/ticket.',
        );
      return found.principal;
    },
  };
}
