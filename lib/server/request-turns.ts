import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { AppError } from '../errors.ts';

/** So many requests begin in one turn of the event loop: some 10 ms. */
const TURN_MAX_COUNT = 64;
/** So many requests of one connection may wait for the answer before theirs. */
const WAITING_MAX_COUNT = 256;

interface Asked {
  request: IncomingMessage;
  response: ServerResponse;
}

/** The steps that the turns lead to. */
export interface TurnSteps {
  /** Whether a request stops something. */
  stops(request: IncomingMessage): boolean;
  begin(request: IncomingMessage, response: ServerResponse): void;
  /** Answers a request that does not begin. */
  refuse(response: ServerResponse, error: AppError): void;
}

/**
 * Requests begin in turns. A client may send thousands in one packet [RFC 9112 9.3.2], and Node hands them over in one go. So a
 * connection has one request under way, and the next one begins when its answer is over. One turn of the event loop begins a few
 * requests of all connections, and the next turn goes on. A connection with too many gets a 429 behind its other answers, and
 * nothing more is read from it.
 *
 * A stop does not wait for the answer before its own, which may be a stream without an end. It begins at once, and only its answer has
 * its turn. Behind a request that may still change something a stop waits, too: a request that was sent before the stop must not take
 * effect after it.
 */
export class RequestTurns {
  readonly #steps: TurnSteps;
  /** How many requests of a connection wait for the answer before theirs; -1: it had too many. */
  readonly #waiting = new WeakMap<Socket, number>();
  /** The request of each connection whose answer is under way. */
  readonly #front = new WeakMap<Socket, Asked>();
  /** How many of the requests that wait on a connection may change something, and have not begun. */
  readonly #changing = new WeakMap<Socket, number>();
  /** The answers of a connection to stops that began before their turn to answer. */
  readonly #early = new WeakMap<Socket, Set<ServerResponse>>();
  /** Requests that wait for the next turns. There are some only while this turn has begun its most. */
  #later: Asked[] = [];
  /** Requests that began in this turn. */
  #begun = 0;

  constructor(steps: TurnSteps) {
    this.#steps = steps;
  }

  /** Begins a request in this turn of the event loop, or in a later one. */
  take(request: IncomingMessage, response: ServerResponse): void {
    // Node gives the connection to one response at a time, in the order of the requests.
    if (!response.socket) return this.#wait({ request, response });
    this.#front.set(request.socket, { request, response });
    this.#beginSoon({ request, response });
  }

  #beginSoon(asked: Asked): void {
    if (isGone(asked)) return;
    if (this.#begun < TURN_MAX_COUNT) this.#begin(asked);
    else this.#later.push(asked);
  }

  #begin({ request, response }: Asked): void {
    if (this.#begun === 0) setImmediate(() => this.#nextTurn());
    this.#begun += 1;
    this.#steps.begin(request, response);
  }

  #nextTurn(): void {
    this.#begun = 0;
    // A request whose connection is closed takes no place: else a turn could begin none, and would ask for no next turn.
    const later = this.#later.filter((asked) => !isGone(asked));
    this.#later = later.splice(TURN_MAX_COUNT);
    for (const asked of later) this.#begin(asked);
  }

  #wait(asked: Asked): void {
    const { socket } = asked.request;
    const count = this.#waiting.get(socket) ?? 0;
    if (count === -1) return;
    if (count === WAITING_MAX_COUNT) {
      this.#refuse(asked);
      return;
    }
    this.#waiting.set(socket, count + 1);
    const changing = this.#changing.get(socket) ?? 0;
    const isEarly =
      changing === 0 && this.#mayBePassed(this.#front.get(socket)) && this.#steps.stops(asked.request);
    const changes = isEarly || isSafe(asked.request) ? 0 : 1;
    this.#changing.set(socket, changing + changes);
    if (isEarly) this.#beginEarly(asked);
    asked.response.once('socket', () => {
      const left = this.#waiting.get(socket)!;
      if (left > 0) this.#waiting.set(socket, left - 1);
      this.#changing.set(socket, this.#changing.get(socket)! - changes);
      this.#front.set(socket, asked);
      if (!isEarly) this.#beginSoon(asked);
    });
  }

  /** Whether a stop may begin before the answer to this request is over. The work of an answer that has begun can be stopped. */
  #mayBePassed(front: Asked | undefined): boolean {
    return front === undefined || front.response.headersSent || isSafe(front.request);
  }

  #beginEarly(asked: Asked): void {
    const { request, response } = asked;
    const early = this.#early.get(request.socket) ?? this.#watch(request.socket);
    early.add(response);
    response.once('socket', () => early.delete(response));
    this.#beginSoon(asked);
  }

  /** Node closes no response that never had the connection: it would keep its share of the memory for bodies. */
  #watch(socket: Socket): Set<ServerResponse> {
    const early = new Set<ServerResponse>();
    this.#early.set(socket, early);
    socket.once('close', () => {
      for (const response of early) response.emit('close');
    });
    return early;
  }

  #refuse({ request: { socket }, response }: Asked): void {
    this.#waiting.set(socket, -1);
    // Node reads on whenever an answer is over.
    socket.pause().on('resume', () => socket.pause());
    response.setHeader('Connection', 'close');
    const text = `More than ${WAITING_MAX_COUNT} requests wait on this connection: read the answers before you send more.`;
    this.#steps.refuse(response, new AppError('too_many_requests', text));
  }
}

/** Whether a request only reads [RFC 9110 9.2.1]. */
function isSafe({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

/**
 * Whether the connection of a request is closed. Node gives a closed connection to the next response all the same. Such a response
 * may never close, and would keep its place among the open requests for ever.
 */
function isGone({ request, response }: Asked): boolean {
  return response.destroyed || request.socket.destroyed;
}
