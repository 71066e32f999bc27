import type { Principal } from '../core/principal.ts';
import type { RouteSchema } from './mount.ts';

/**
 * The client's side of an open WebSocket, as a dialect sees it.
 *
 * Contract: none of these throws; on a closed socket they do nothing.
 */
export interface Peer {
  /** Sends complete frames (see frame.ts). All frames of one tick leave in one write. */
  send(frames: Buffer): void;
  /** Undefined while the peer keeps up. Else it resolves when the peer has taken all frames, or the socket is closed. */
  drained(): Promise<void> | undefined;
  /** Sends the queued frames, then closes [RFC 6455 7.4]. */
  close(code: number, reason: string): void;
}

/**
 * The dialect's side of one open WebSocket.
 *
 * Contract: none of these throws or rejects. The dialect itself answers a bad frame.
 */
export interface Receiver {
  /** A whole text message. Returns a promise while its work goes on: a peer with much work in hand is read no further. */
  text(text: string): Promise<void> | void;
  /** A message was not taken, because it is binary or too large. The socket stays open. */
  refused(reason: string): void;
  /** The socket is closed. Called once, last. */
  closed(): void;
}

/** A WebSocket end point of a dialect. */
export interface SocketRoute {
  readonly path: string;
  /** The subprotocol to select when the client offers it. */
  readonly protocol: string;
  readonly summary: string;
  readonly query: RouteSchema;
  /** The messages that clients send, and those that they receive, by name; for the served description. */
  readonly receives: Readonly<Record<string, RouteSchema>>;
  readonly sends: Readonly<Record<string, RouteSchema>>;
  /** Admits a caller. Rejects with an AppError, whose HTTP status answers the upgrade. */
  admit(query: Readonly<Record<string, string>>, caller: Principal): Promise<(peer: Peer) => Receiver>;
}
