import type { Principal } from '../core/principal.ts';
import type { RouteSchema } from './mount.ts';

/**
 * The client's side of an open WebSocket, as a dialect sees it.
 *
 * Contract: none of these throws; on a closed socket they do nothing.
 */
export interface Peer {
  /** Sends complete frames (see frame.ts), in one write with all others of this tick. */
  send(frames: Buffer): void;
  /** Undefined while the peer keeps up; else resolves when all that waits has been taken, or the socket has closed. */
  drained(): Promise<void> | undefined;
  /** Sends what is queued, then closes [RFC 6455 7.4]. */
  close(code: number, reason: string): void;
}

/**
 * What a dialect does with one open WebSocket.
 *
 * Contract: must not throw; an answer to a bad frame is the dialect's own business.
 */
export interface Receiver {
  /** A whole text message. */
  text(text: string): void;
  /** A message that cannot be taken, and why: binary, or too large. The socket stays open. */
  refused(reason: string): void;
  /** The socket is gone. Called once, last. */
  closed(): void;
}

/** A WebSocket end point of a dialect. */
export interface SocketRoute {
  readonly path: string;
  /** The subprotocol to select when the client offers it. */
  readonly protocol: string;
  readonly summary: string;
  readonly query: RouteSchema;
  /** The messages that clients send, and those that they get, by name; for the description. */
  readonly receives: Readonly<Record<string, RouteSchema>>;
  readonly sends: Readonly<Record<string, RouteSchema>>;
  /** Everything that can refuse: rejects with an AppError, whose HTTP status answers the upgrade. */
  admit(query: Readonly<Record<string, string>>, caller: Principal): Promise<(peer: Peer) => Receiver>;
}
