import type { Principal } from '../core/principal.ts';

/**
 * Says who is calling.
 *
 * Contract: every method rejects with an AppError only; `unauthorized` for a token or ticket that is not good (any more).
 */
export interface Access {
  /** Who a bearer token stands for. */
  identify(token: string): Promise<Principal>;
  /** A short text that opens one WebSocket in the caller's name, so that no long-lived token stands in a URL. */
  issueTicket(principal: Principal): Promise<Ticket>;
  /** Who a ticket was issued to; good once. */
  redeemTicket(ticket: string): Promise<Principal>;
}

interface Ticket {
  ticket: string;
  expiresInSeconds: number;
}

/** Everybody, where access control is off. */
export const anonymous: Principal = { id: 'anonymous', kind: 'anonymous' };
