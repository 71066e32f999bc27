import type { IncomingMessage } from 'node:http';

/** The end of a request. `route` is the pattern of its path, missing where no route was found. */
export interface AnsweredRequest {
  method: string;
  route: string | undefined;
  /** `aborted`: the client left before the end of its answer. */
  status: number | 'aborted';
}

/** A request under observation. */
export interface ObservedRequest {
  /** Runs the work of the request: what it starts belongs to the request. */
  within<Result>(work: () => Result): Result;
  answered(request: AnsweredRequest): void;
}

/**
 * The observer of HTTP requests and sockets. The server knows nothing else of metrics and traces.
 *
 * Contract: no method throws or waits.
 */
export interface TrafficObserver {
  request(request: IncomingMessage): ObservedRequest;
  /** A WebSocket is opened: runs the work of each of its messages. Undefined where nobody asks for that. */
  socket(request: IncomingMessage): ObservedRequest['within'] | undefined;
  /** Called once, with a function that counts the open WebSockets. */
  countSockets(count: () => number): void;
}

/** Observes nothing. */
export const unobservedTraffic: TrafficObserver = {
  request: () => ({ within: (work) => work(), answered: () => undefined }),
  socket: () => undefined,
  countSockets: () => undefined,
};
