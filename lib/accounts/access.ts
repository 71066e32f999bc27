import type { Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';

/** Where something is shown: the dialect's name and the caller's address. */
export interface Where {
  dialect?: string | undefined;
  address?: string | undefined;
}

/**
 * Says who is calling.
 *
 * Contract: every promise rejects with an AppError only; `unauthorized` for a token or ticket that is not good (any more),
 * `forbidden` for a key that is not for the dialect.
 */
export interface Access {
  /** Who a bearer token stands for at this moment. */
  identify(token: string, where?: Where): Promise<Principal>;
  /** A short text that opens one WebSocket in the caller's name, so that no long-lived token stands in a URL. */
  issueTicket(principal: Principal): Promise<Ticket>;
  /** Who a ticket was issued to; good once, on any node. */
  redeemTicket(ticket: string, where?: Where): Promise<Principal>;
  /**
   * Calls `end` once when what the principal showed is good no longer: over, signed out, revoked, or its user disabled or
   * given another role; within about a second, whichever process did it. The result stops listening.
   */
  onEnd(principal: Principal, end: () => void): () => void;
  /** Puts on record that a known caller was refused. Never throws. */
  refused(principal: Principal, where: Where, path: string): void;
}

/** A refresh token where an access token belongs, or the other way round. */
export class TokenKindError extends AppError {
  override readonly name = 'TokenKindError';
  constructor(message: string) {
    super('unauthorized', message);
  }
}

export interface Ticket {
  ticket: string;
  expiresInSeconds: number;
}

/** Everybody, where access control is off. */
export const anonymous: Principal = { id: 'anonymous', kind: 'anonymous' };
