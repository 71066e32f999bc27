import type { Clock } from '../common/clock.ts';
import type { Account, Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';
import type { Ticket } from './access.ts';
import type { Vouchers } from './vouchers.ts';

/** Long enough for a page to open its socket. */
const LIFE_SECONDS = 30;
const MAX_COUNT = 10_000;
const KIND = 'ticket';

/** The caller behind a ticket: a caller without an account, or a user's credential. */
export type Holding =
  | { kind: 'anonymous' | 'operator' }
  | { kind: 'signIn' | 'key'; id: string; expiresAt: number | null };

/** Tickets for WebSockets: valid once, for 30 seconds, on any node. */
export interface Tickets {
  /** A new ticket. Rejects with `too_many_requests`. */
  issue(principal: Principal): Promise<Ticket>;
  /** The caller behind a ticket. Rejects with `unauthorized`. */
  redeem(ticket: string): Promise<Holding>;
}

/** The credential of an account; its scopes are read again when the ticket is redeemed. */
function holdingOf({ credential: { kind, id }, expiresAt }: Account): Holding {
  return { kind, id, expiresAt };
}

/** Tickets as vouchers; the credential is checked again when a ticket is redeemed. At most 10,000 are issued in 30 seconds. */
export function createTickets(vouchers: Vouchers, clock: Clock): Tickets {
  let since = 0;
  let count = 0;
  return {
    async issue({ kind, account }) {
      if (clock.now() >= since + LIFE_SECONDS * 1000) [since, count] = [clock.now(), 0];
      count += 1;
      if (count > MAX_COUNT)
        throw new AppError('too_many_requests', 'Too many tickets are waiting to be used; try again later.', {
          retryAfterSeconds: LIFE_SECONDS,
        });
      const holding = account ? holdingOf(account) : { kind };
      const ticket = await vouchers.issue(KIND, holding, LIFE_SECONDS * 1000);
      return { ticket, expiresInSeconds: LIFE_SECONDS };
    },
    async redeem(ticket) {
      const holding = (await vouchers.redeem(KIND, ticket)) as Holding | undefined;
      if (holding) return holding;
      throw new AppError(
        'unauthorized',
        'The ticket is unknown, used or older than 30 seconds: get a new one from POST /api/ticket.',
      );
    },
  };
}
