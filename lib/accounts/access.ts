import type { Principal } from '../core/principal.ts';
import { AppError } from '../errors.ts';

/** Where a credential is used: the dialect's name and the caller's address. */
export interface Where {
  dialect?: string | undefined;
  address?: string | undefined;
}

/**
 * Finds the principal of a request: a user, a key, or the operator.
 *
 * Contract: every promise rejects with an AppError only; `unauthorized` for a token or ticket that is not valid, `forbidden`
 * for a key that is for other dialects.
 */
export interface Access {
  /** The principal of a bearer token at this moment. */
  identify(token: string, where?: Where): Promise<Principal>;
  /** A short text that opens one WebSocket in the caller's name, so that no long-lived token is in a URL. */
  issueTicket(principal: Principal): Promise<Ticket>;
  /** The principal that a ticket was issued to; valid once, on any node. */
  redeemTicket(ticket: string, where?: Where): Promise<Principal>;
  /**
   * Calls `end` once when the principal's credential ends: it expired, was signed out or revoked, or its user was disabled,
   * removed or given another role. It is called within about a second, also for changes by other processes. Returns the way out.
   */
  onEnd(principal: Principal, end: () => void): () => void;
  /** Records that a known caller was refused. Never throws. */
  refused(principal: Principal, where: Where, path: string): void;
}

/** A refresh token in the place of an access token, or the other way round. */
export class TokenKindError extends AppError {
  override readonly name = 'TokenKindError';
  constructor(message: string) {
    super('unauthorized', message);
  }
}

/** A ticket for one WebSocket. */
export interface Ticket {
  ticket: string;
  expiresInSeconds: number;
}

/** Every caller, when access control is off. */
export const anonymous: Principal = { id: 'anonymous', kind: 'anonymous' };
